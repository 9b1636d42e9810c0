"""Picks, or detections, with the waveforms they were made on, and a report whose seismograms are drawn on demand."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seisnet.classification.views import View, find_pick, id_of, view_around
from seisnet.config import from_dict
from seisnet.errors import ConfigError, DataError
from seisnet.formats.own_csv import read_detections_csv
from seisnet.formats.picks import kinds_of, read_picks
from seisnet.model import Model, load_model
from seisnet.picks import Detection, Pick, in_order
from seisnet.report.classification import waveform_picture
from seisnet.report.document import MOST_ROWS, Report, Section, detections_table, picks_table
from seisnet.report.html import render_report
from seisnet.report.serving import Reply, Request
from seisnet.waveforms.lookup import Waveforms
from seisnet.waveforms.selection import EVERYTHING, Selection
from seisnet.wording import counted

REMEMBERED = {"sources": list, "model": str, "inventory": list, "selection": dict}
"""Entries of a report's metrics.json that say how its picks were made."""

NOT_FRAMED = "frame-ancestors 'none'"
"""Content-Security-Policy sent with a report, whose head holds the rest of it: browsers ignore this part there."""


@dataclass(frozen=True)
class Picked:
    """Picks, or detections, with the waveforms and the model that they were made with.

    Attributes
    ----------
    name : str
        Where the picks were read.
    picks : list of Pick
        In order of time.
    waveforms : Waveforms
    model : Model, or None
        Draws probability traces.
    detections : list of Detection, or None
        In order of time; None where there are picks.
    lock : threading.Lock
        Held while a view is read, because `waveforms` keeps the rejections of one reading at a time.
    """

    name: str
    picks: list[Pick]
    waveforms: Waveforms
    model: Model | None
    detections: list[Detection] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def found(self) -> Sequence[Pick | Detection]:
        """The picks, or the detections."""
        return self.picks if self.detections is None else self.detections

    @property
    def what(self) -> str:
        """What one of them is called."""
        return "pick" if self.detections is None else "detection"

    def check_picks(self, use: str) -> None:
        """Refuse, with a ConfigError, a use that detections have not."""
        if self.detections is not None:
            raise ConfigError(f"{self.name}: holds detections; {use} is for picks")

    def around(
        self,
        pick: Pick | Detection,
        *,
        before_s: float | None = None,
        after_s: float | None = None,
        band_hz: tuple[float, float] | None = None,
    ) -> View:
        """Read the stretch around one of them, see `seisnet.classification.views.view_around`."""
        with self.lock:
            return view_around(
                pick,
                self.waveforms,
                self.found,
                model=self.model,
                before_s=before_s,
                after_s=after_s,
                band_hz=band_hz,
            )

    def picks_report(self, first: int = 0) -> Report:
        """The page of the picks from one on, as many as a table has room for, with links to the pages beside it."""
        page, last = slice(first, first + MOST_ROWS), len(self.found)
        shown, name = self.found[page], f"{self.what}s"
        links_of_rows = [view_address(pick) for pick in shown]
        if self.detections is None:
            table = picks_table(self.picks[page], links=links_of_rows)
        else:
            table = detections_table(self.detections[page], links=links_of_rows)
        text = "Click a row to open its seismogram, drawn on demand." if shown else ""
        lead = f"{counted(last, self.what)}."
        if len(shown) < last:
            lead += f" This page has those from {first + 1} to {first + len(shown)} in order of time."
        links = [(f"Earlier {name}", page_address(first - 1))] if first else []
        links += [(f"Later {name}", page_address(first + MOST_ROWS))] if first + MOST_ROWS < last else []
        section = Section(name.capitalize(), text, table)
        return Report(f"{name.capitalize()} of {self.name}", (lead,), (section,), links=tuple(links))

    def view_report(self, pick_id: str) -> Report:
        """The page of one pick with links to its neighbours in time, or one that says why there is no seismogram."""
        everything = f"All {self.what}s"
        try:
            pick = find_pick(self.found, pick_id)
            view = self.around(pick)
        except DataError as error:
            return Report("No seismogram", (str(error),), links=((everything, "./"),))
        at, last = self.found.index(pick), len(self.found)
        links = [(everything, page_address(at))]
        links += [("Previous", view_address(self.found[at - 1]))] if at else []
        links += [("Next", view_address(self.found[at + 1]))] if at + 1 < last else []
        drawn = waveform_picture(view, self.model)
        where = f"{self.what.capitalize()} {at + 1} of {last}: {pick_id}"
        name = pick.label if isinstance(pick, Detection) else pick.phase
        section = Section("Seismogram", where, pictures=(drawn,))
        return Report(f"{name} on {pick.station_id}", (), (section,), links=tuple(links))

    def answer(self, request: Request) -> Reply | None:
        """Pages of the server: picks, and one pick."""
        if request.method != "GET" or request.path not in ("", "view"):
            return None
        first = request.query.get("from", "0")
        if not re.fullmatch("[0-9]{1,9}", first):
            raise ConfigError(f"from: got '{first}'; the number of a {self.what} is needed")
        page = self.view_report(request.query.get("pick", "")) if request.path else self.picks_report(int(first))
        return Reply(render_report(page).encode("utf-8", "replace"), policy=NOT_FRAMED)


def page_address(at: int) -> str:
    """Address of the page of picks that has the one of this number, counted from 0."""
    first = at // MOST_ROWS * MOST_ROWS
    return f"./?from={first}" if first else "./"


def view_address(pick: Pick | Detection) -> str:
    """Address of the page of a pick, relative to that of all picks."""
    return f"view?pick={quote(id_of(pick), safe='')}"


def open_picked(
    path: Path, sources: Sequence[str] = (), model_name: str | None = None, inventory: Sequence[str | Path] = ()
) -> Picked:
    """Read picks or detections from a file, or the folder of a report, which says what they were made on and with.

    Parameters
    ----------
    path : Path
        Picks as CSV or catalogue, detections as CSV, or a folder that ``classify --report`` wrote.
    sources, model_name, inventory : sequence of str, str, sequence of str or Path
        Replace what the folder of a report names.

    Raises
    ------
    ConfigError
        If no waveforms are named, or the model that a report knows is gone.
    DataError
        If picks or waveforms can't be read.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    selection = EVERYTHING
    if path.is_dir():
        known = _metrics(path / "metrics.json")
        sources, model_name = sources or known["sources"], model_name or known["model"]
        inventory = inventory or known["inventory"]
        selection = from_dict(Selection, known["selection"], where=f"{path / 'metrics.json'}: selection")
        detected, path = path / "detections.csv", path / "picks.csv"
        path = detected if detected.exists() and not path.exists() else path
    if not sources:
        raise ConfigError(f"{path}: use --waveforms to say what it was made on")
    if services := [source for source in sources if source.startswith("fdsn:")]:
        raise ConfigError(
            f"{services[0]}: what a web service sent is not kept; use --waveforms to name files that hold it"
        )
    detections = sorted(read_detections_csv(path)) if kinds_of(path) == {"class"} else None
    picks = in_order(read_picks(path, may_be_empty=True)) if detections is None else []
    waveforms = Waveforms(sources, inventory, selection)
    return Picked(str(path), picks, waveforms, load_model(model_name) if model_name else None, detections)


def _metrics(path: Path) -> dict[str, Any]:
    try:
        older: dict[str, Any] = {"inventory": [], "selection": {}}  # do not name these
        known = older | json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(known[name], kind) for name, kind in REMEMBERED.items()):
            raise TypeError("its metrics.json names no sources or model")
        return dict(known)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{path.parent}: not a folder written by classify --report: {error}") from error
