"""Reports: frozen values in, one self-contained HTML file out."""

from seisnet.report.document import (
    Cell,
    Column,
    Picture,
    Report,
    Section,
    Table,
    picks_table,
    picture,
    rejections_section,
)
from seisnet.report.html import render_report, write_report

__all__ = [
    "Cell",
    "Column",
    "Picture",
    "Report",
    "Section",
    "Table",
    "picks_table",
    "picture",
    "rejections_section",
    "render_report",
    "write_report",
]
