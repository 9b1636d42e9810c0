"""Reports: frozen values in, one self-contained HTML file out.

`document` is what a report is made of, `html` makes a file of it, `folder` puts beside it what it was made from. A
module each makes the pages of a `classification`, an `evaluation`, a `score` and an `audit`; `figures` are single
ones. `viewer` draws what is looked at, and is asked through the server of `serving`.
"""

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
