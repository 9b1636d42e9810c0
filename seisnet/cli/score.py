"""``seisnet score``: picks against reference picks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seisnet.cli import console
from seisnet.wording import counted, first_of

if TYPE_CHECKING:
    from seisnet.scoring.matching import PhaseScore
    from seisnet.waveforms.records import Rejection


@click.command()
@click.argument("picks", type=click.Path(path_type=Path))
@click.argument("reference", type=click.Path(path_type=Path))
@click.option(
    "--tolerance", "tolerance_s", type=float, default=0.5, show_default=True, help="Largest difference in seconds."
)
@click.option(
    "--hours", type=float, help="Length of all records examined, summed over stations; gives false picks an hour."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for a report with the residuals.")
@console.overwrite
@console.quiet
@console.verbose
def score(
    picks: Path,
    reference: Path,
    tolerance_s: float,
    hours: float | None,
    output: Path | None,
    overwrite: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Compare PICKS with REFERENCE picks, each a CSV, a catalogue, or a data set that contains picks.

    Picks at stations that the reference doesn't name are left out. At the others every unmatched pick counts as false,
    so limit PICKS to the time that the analyst examined.

    \b
    Example:
      seisnet score picks.csv analyst.xml --tolerance 0.5 -o score
      seisnet score picks.csv my_seisbench_dataset/
      seisnet score picks.csv analyst.xml --hours 72     # three stations, a day each
    """
    from seisnet.config.checks import between
    from seisnet.formats.picks import read_picks
    from seisnet.labels.reading import phase_class
    from seisnet.scoring.matching import elsewhere, score_picks

    between("tolerance", tolerance_s, 1e-9, 1e6)
    if hours is not None:
        between("hours", hours, 1e-9, 1e9)
    if output is not None:
        from seisnet.store.files import new_folder

        click.get_current_context().with_resource(new_folder(output, overwrite=overwrite))
    rejections: list[Rejection] = []
    found = read_picks(picks, may_be_empty=True, rejections=rejections)
    wanted = read_picks(reference, rejections=rejections)
    if away := elsewhere(found, wanted):
        told = f"{counted(len(away), 'pick')} at stations that the reference does not name: left out"
        if len(away) == len(found):
            named = sorted({p.station_id.strip(".") for p in wanted})
            told += f"; none are left (the reference names {first_of(named, 5)})"
        console.say(told, quiet=quiet)
    for path, side in ((picks, found), (reference, wanted)):
        if others := [p.phase for p in side if not phase_class(p.phase)]:
            told = f"{counted(len(others), 'pick')} of phases that are neither P nor S: left out"
            console.say(f"{path}: {told} ({first_of(sorted(set(others)), 5)})", quiet=quiet)
    console.say_rejections(rejections, quiet=quiet, verbose=verbose)
    scores = score_picks(found, wanted, tolerance_s=tolerance_s)
    if output is not None:
        from seisnet.report.score import write_score

        write_score(scores, output, picks=picks, reference=reference, tolerance_s=tolerance_s, hours=hours)
        console.say_outputs(output / "report.html", output / "metrics.json", quiet=quiet)
    _print_table(scores, hours)


def _print_table(scores: Sequence[PhaseScore], hours: float | None) -> None:
    """Print the scores as CSV on stdout."""
    import numpy as np

    click.echo("phase,picks,reference,matched,precision,recall,f1,median_s,mae_s,false_an_hour")
    for s in scores:
        residuals = s.residuals_s
        median = f"{np.median(residuals):.3f}" if residuals.size else ""
        mae = f"{np.abs(residuals).mean():.3f}" if residuals.size else ""
        rates = ",".join("" if np.isnan(v) else f"{v:.4f}" for v in (s.precision, s.recall, s.f1))
        false = f"{s.false_an_hour(hours):.3f}" if hours else ""
        click.echo(f"{s.phase},{s.found},{s.reference},{s.matched},{rates},{median},{mae},{false}")
