"""``seisnet score``: picks against reference picks, or detections against classes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from seisnet.cli import console
from seisnet.wording import counted, duration, first_of

if TYPE_CHECKING:
    from seisnet.picks import ClassInterval, Pick
    from seisnet.scoring.matching import MatchScore
    from seisnet.waveforms.records import Rejection

    Marks: TypeAlias = Sequence[Pick] | Sequence[ClassInterval]


@click.command()
@click.argument("picks", type=console.PATH)
@click.argument("reference", type=console.PATH)
@click.option(
    "--tolerance",
    "tolerance_s",
    type=float,
    help="Largest difference, or gap, in seconds. [0.5 for picks, 10 for detections]",
)
@click.option(
    "--hours",
    type=float,
    help="Length of all records examined, summed over stations; gives false picks or detections an hour.",
)
@click.option("-o", "--output", type=console.PATH, help="Folder for a report with the residuals.")
@console.overwrite
@console.quiet
@console.verbose
def score(
    picks: Path,
    reference: Path,
    tolerance_s: float | None,
    hours: float | None,
    output: Path | None,
    overwrite: bool,
    tell: console.Teller,
) -> None:
    """Compare PICKS with REFERENCE picks, each a CSV, a catalogue, or a data set that contains picks.

    Detections are compared in the same way with the classes that an analyst gave, in a CSV or a catalogue whose events
    have a type. They match if they are of one class and overlap, or lie no further apart than the tolerance.

    Picks at stations that the reference doesn't name are left out (status 3 if that leaves none). At the others every
    unmatched pick counts as false, so limit PICKS to the time that the analyst examined.

    \b
    Example:
      seisnet score picks.csv analyst.xml --tolerance 0.5 -o score
      seisnet score picks.csv my_seisbench_dataset/
      seisnet score picks.csv analyst.xml --hours 72     # three stations, a day each
      seisnet score detections.csv rockfalls.csv
    """
    from seisnet.config import between
    from seisnet.errors import NothingUsableError
    from seisnet.formats.picks import read_picks
    from seisnet.labels.joining import second_picks, surest
    from seisnet.labels.reading import read_classes, read_intervals
    from seisnet.scoring.matching import TOLERANCE_S, score_detections, score_picks, unscored

    if tolerance_s is not None:
        between("tolerance", tolerance_s, 0, 1_000_000)
    if hours is not None:
        between("hours", hours, 0.001, 1_000_000_000)
    if overwrite and output is None:
        raise click.UsageError("--overwrite needs -o")
    if output is not None:
        from seisnet.store.files import new_folder

        click.get_current_context().with_resource(new_folder(output, overwrite=overwrite))
    rejections: list[Rejection] = []
    kind, what, others = _kind(picks, reference)
    tolerance_s = TOLERANCE_S[kind] if tolerance_s is None else tolerance_s
    found: Marks
    wanted: Marks
    if kind == "phase":
        found = read_picks(picks, may_be_empty=True, rejections=rejections)
        wanted = read_picks(reference, rejections=rejections)
        rejections += second_picks(surest(wanted)[1])
        scores = score_picks(found, wanted, tolerance_s=tolerance_s)
    else:
        found, wanted = read_intervals(picks, rejections), read_classes([reference], rejections)
        scores = score_detections(found, wanted, tolerance_s=tolerance_s)
        if not scores:
            raise NothingUsableError(f"no class to score: {picks} and {reference} name nothing but noise")
    remarks = _not_compared((picks, found), (reference, wanted), what)
    remarks += _remarks_on((found, wanted), scores, what, tolerance_s)
    for path, side in ((picks, found), (reference, wanted)):
        if names := unscored(side):
            told = f"{counted(len(names), what)} of {others}: left out"
            remarks.append(f"{path}: {told} ({first_of(sorted({name or 'unnamed' for name in names}), 5)})")
    for remark in remarks:
        tell(remark)
    tell.rejections(rejections)
    if output is not None:
        from seisnet.report.score import Comparison, write_score

        write_score(scores, output, Comparison(picks, reference, kind, tolerance_s, hours, remarks, rejections))
        tell.outputs(output / "report.html", output / "metrics.json")
    _print_table(scores, (kind, f"{what}s"), hours)


def _remarks_on(
    sides: tuple[Marks, Marks], scores: Sequence[MatchScore], what: str, tolerance_s: float
) -> Iterator[str]:
    """Why next to nothing matches, if so, and how much is neither right nor false."""
    if told := _how_far(sides, scores, what, tolerance_s):
        yield f"{told}; are both in UTC, and of the same days?"
    if n := sum(s.unclear for s in scores):
        why = "at onsets that the reference has twice, without weight, or as a later phase"
        yield f"{counted(n, what)} {why}: neither right nor false, left out"


def _how_far(sides: tuple[Marks, Marks], scores: Sequence[MatchScore], what: str, tolerance_s: float) -> str:
    """How far the reference is from what was found, where next to nothing matches; empty where more does."""
    from seisnet.scoring.matching import apart_s, common_shift_s

    matched, wanted = sum(s.matched for s in scores), sum(s.reference for s in scores)
    if 10 * matched > wanted:
        return ""
    shift_s = common_shift_s(*sides, tolerance_s=tolerance_s)
    if abs(shift_s) > 0:  # NaN is not
        when = f"{duration(abs(shift_s))} {'earlier' if shift_s > 0 else 'later'}"
        return f"{matched} of {wanted} match; most would if every {what} were {when}"
    if not matched and (apart := apart_s(*sides)) >= 0:
        to = f"from the reference to the nearest {what} of its station"
        return f"nothing matches: {to} it is {duration(apart)} (median)"
    return ""


def _not_compared(picks: tuple[Path, Marks], reference: tuple[Path, Marks], what: str) -> list[str]:
    """What is left out because of its station, and what can't match because of its instrument.

    Raises
    ------
    NothingUsableError
        If all is left out: zeros would look like a score.
    """
    from seisnet.errors import NothingUsableError
    from seisnet.scoring.matching import elsewhere, side_by_side

    remarks = []
    (path, found), (other, wanted) = picks, reference
    if away := elsewhere(found, wanted):
        if len(away) == len(found):
            mine, theirs = (first_of(sorted({p.station_id.strip(".") for p in side}), 5) for side in (found, wanted))
            raise NothingUsableError(
                f"no {what} is at a station of the reference: {path} names {mine}, {other} {theirs}; "
                "are the codes of networks and stations right?"
            )
        remarks.append(f"{counted(len(away), what)} at stations that the reference does not name: left out")
    if several := side_by_side(found, wanted):
        told = f"only one of their {what}s of one signal can match; classify --select chooses instruments"
        remarks.append(f"{first_of(several, 6)}: more instruments of a station than in the reference; {told}")
    return remarks


def _kind(picks: Path, reference: Path) -> tuple[str, str, str]:
    """What both files hold, by its column; what one of it is called; and which of it is left out."""
    from seisnet.errors import DataError
    from seisnet.formats.picks import kinds_of

    kinds = kinds_of(picks), kinds_of(reference)
    if "phase" in kinds[0] & kinds[1]:
        return "phase", "pick", "phases that are neither P nor S"
    if kinds[0] & kinds[1]:
        return "class", "detection", "classes that are no signal"
    first, second = ("picks" if "phase" in kind else "classes" for kind in kinds)
    raise DataError(f"{picks} holds {first}, {reference} {second}; compare picks with picks, classes with classes")


def _print_table(scores: Sequence[MatchScore], names: tuple[str, str], hours: float | None) -> None:
    """Print the scores as CSV on stdout."""
    from seisnet.formats.own_csv import csv_text, number
    from seisnet.scoring.metrics import residual_statistics

    columns = ("reference", "matched", "precision", "recall", "f1", "median_s", "mae_s", "false_an_hour")
    rows: list[tuple[object, ...]] = [(*names, *columns)]
    for s in scores:
        residuals = residual_statistics(s.residuals_s)
        rates = (number(v, 4) for v in (s.precision, s.recall, s.f1))
        figures = (number(v, 3) for v in (residuals.median_s, residuals.mae_s, s.false_an_hour(hours or math.nan)))
        rows.append((s.name, s.found, s.reference, s.matched, *rates, *figures))
    click.echo(csv_text(rows), nl=False)
