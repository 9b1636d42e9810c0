"""The audit sheet of a windows file: wrong labels are seen here before they are learned."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet import __version__, plots
from seisnet.config import PreprocessConfig, from_dict
from seisnet.picks import station_of
from seisnet.plots.features import SHEET
from seisnet.report.document import Cell, Column, Report, Section, Table, rejections_section, utc
from seisnet.report.folder import write_figures
from seisnet.report.html import write_report
from seisnet.store.windows_file import SPLITS, FeatureReader, WindowRows, WindowsInfo, read_counts, read_info, read_rows
from seisnet.waveforms.lookup import station_places
from seisnet.waveforms.records import Rejection
from seisnet.wording import counted, divided_by

CAPTIONS = {
    "counts": "Windows of each class by split.",
    "snr": "Power in the two seconds after the onset relative to the two before.",
    "stations": "Stations whose coordinates the data sets give.",
}


def write_audit(windows: Path, folder: Path, rng: np.random.Generator) -> None:
    """Write report.html and the figures of a windows file: 25 random windows a class, counts, ratios, stations.

    Parameters
    ----------
    folder : Path
        It exists, see `seisnet.store.files.new_folder`.
    rng : numpy.random.Generator
        Draws the windows that are shown.
    """
    info, rows, counts = read_info(windows), read_rows(windows, features=False), read_counts(windows)
    overview = overview_figures(info, rows, counts)
    sheets = class_sheets(windows, info, rows, rng)
    captions = CAPTIONS | dict.fromkeys(sheets, "Random windows of one class.")
    pictures = write_figures(folder, overview | sheets, captions)
    has_onsets = bool(np.isfinite(rows.onset_s).any())
    question = (
        "The line marks the onset. Is it where the energy sets in?" if has_onsets else "Do they belong to their class?"
    )
    question += " A component that was not recorded is white." * (info.attributes["feature"] == "logspec")
    sections = (
        Section("Counts", table=_counts(info, counts), pictures=tuple(pictures[name] for name in overview)),
        Section("Windows", f"Drawn at random. {question}", pictures=tuple(pictures[name] for name in sheets)),
        rejections_section([Rejection(*rejected) for rejected in info.rejected]),
    )
    lead = (
        f"{len(rows)} windows of {counted(len(info.sources), 'source')}, "
        f"{counted(np.unique(rows.group).size, 'event or station-hour', 'events or station-hours')}.",
    )
    notes = (
        f"Features {info.attributes['feature']}, split by {divided_by(info.attributes['split_by'])}.",
        f"seisnet {__version__}.",
    )
    write_report(Report(f"Windows of {windows.name}", lead, sections, notes), folder / "report.html")


def overview_figures(info: WindowsInfo, rows: WindowRows, counts: NDArray[np.int64]) -> dict[str, plots.Figure]:
    """Counts and, where they are known, signal-to-noise ratios and stations, by file name without ending."""
    figures = {"counts": plots.class_counts(counts, info.classes, SPLITS)}
    own = ~rows.augmented
    ratios = {c: rows.snr_db[own & (rows.y == k)] for k, c in enumerate(info.classes) if c != "noise"}
    if any(np.isfinite(values).any() for values in ratios.values()):
        figures["snr"] = plots.snr_histogram(ratios)
    stations = Counter(station_of(trace_id) for trace_id in rows.trace_id[own])
    known = station_places(Path(path) for path, *_ in info.sources)
    places = {station: where for station, where in known.items() if station in stations}
    if places:
        figures["stations"] = plots.stations_map(places, stations)
    return figures


def class_sheets(
    windows: Path, info: WindowsInfo, rows: WindowRows, rng: np.random.Generator
) -> dict[str, plots.Figure]:
    """Random windows of each class that has any, by file name without ending."""
    figures = {}
    grid = plots.feature_grid(from_dict(PreprocessConfig, info.config, where=str(windows)))
    with FeatureReader(windows) as reader:
        for k, name in enumerate(info.classes):
            candidates = np.flatnonzero(rows.y == k)
            if not len(candidates):
                continue
            chosen = np.sort(rng.choice(candidates, size=min(SHEET, len(candidates)), replace=False))
            figures[f"class_{k}"] = plots.features_sheet(
                reader.read(chosen),
                rows.onset_s[chosen],
                grid,
                label=name,
                captions=[_where(rows, row) for row in chosen],
            )
    return figures


def _where(rows: WindowRows, row: int) -> str:
    added = " augmented" if rows.augmented[row] else ""
    day, clock = utc(int(rows.start_ns[row]))[:19].split()
    return f"{rows.trace_id[row]}\n{day}\n{clock}{added}"


def _counts(info: WindowsInfo, counts: NDArray[np.int64]) -> Table:
    columns = (Column("Class"), *(Column(name) for split in SPLITS for name in (split, f"{split} augmented")))
    cells: list[tuple[Cell, ...]] = [(name, *map(int, counts[:, k].ravel())) for k, name in enumerate(info.classes)]
    return Table(columns, tuple(cells))
