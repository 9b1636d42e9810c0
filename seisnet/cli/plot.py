"""``seisnet plot``: one pick, one event or one day as a figure."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console


@click.command()
@click.argument("picks", type=console.PATH)
@console.drawing_options
@click.option(
    "--pick", "pick_id", metavar="ID", help="One station around a pick or a detection: components, probabilities."
)
@click.option("--section", "section_id", metavar="ID", help="All stations around a pick, as a record section.")
@click.option("--day", metavar="ID", help="The day of a pick on its instrument, one hour per line.")
@click.option(
    "-o",
    "--output",
    type=console.PATH,
    help="File to write (.png, .svg, .pdf); default: ID.png here, with _ for each colon.",
)
@click.option("--before", "before_s", type=float, help="Seconds shown before it. [10; of a section or detection 30]")
@click.option(
    "--after", "after_s", type=float, help="Seconds shown after it. [30; of a section 90; a detection is cut at 600 s]"
)
@console.overwrite
@console.quiet
@console.verbose
def plot(
    picks: Path,
    waveforms: tuple[str, ...],
    model_name: str | None,
    inventory: tuple[Path, ...],
    pick_id: str | None,
    section_id: str | None,
    day: str | None,
    output: Path | None,
    before_s: float | None,
    after_s: float | None,
    overwrite: bool,
    tell: console.Teller,
) -> None:
    """Draw a figure of PICKS, a file of picks or the folder of a classify --report, which remembers its waveforms.

    The ID of a pick is NET.STA.LOC.CHA_PHASE_TIME, with UTC to the microsecond; a click on a row of a report shows it.
    PICKS may hold detections, too: --pick draws one, whose ID is NET.STA.LOC.CHA_CLASS_START.

    \b
    Example:
      seisnet plot report --pick BW.RJOB..EH_P_2009-08-24T00:20:07.720000Z -o pick.pdf
      seisnet plot picks.csv --waveforms day.mseed --section BW.RJOB..EH_P_2009-08-24T00:20:07.720000Z -o event.png
    """
    from seisnet.classification.views import find_pick
    from seisnet.config import between
    from seisnet.report.figures import FIGURES, RENDERED, check_format, pick_figure, write_figure
    from seisnet.report.viewer import open_picked
    from seisnet.store.files import check_output

    wanted = {"pick": pick_id, "section": section_id, "day": day}
    chosen = [(kind, name) for kind, name in wanted.items() if name is not None]
    if len(chosen) != 1:
        raise click.UsageError("use one of --pick, --section and --day, with the ID of a pick")
    ((kind, name),) = chosen
    for option, value in (("before", before_s), ("after", after_s)):
        if value is not None:
            between(option, value, 0.01, 1e6)
    if kind == "day" and (before_s or after_s):
        raise click.UsageError("--day shows the whole day; leave out --before and --after")
    if kind != "pick" and model_name:
        raise click.UsageError("only --pick shows probability traces; leave out --model")
    output = output or Path("".join(c if c.isalnum() or c in "._-" else "_" for c in name) + ".png")
    check_output(output, tuple(RENDERED), overwrite=overwrite)
    check_format(output)
    picked = open_picked(picks, waveforms, model_name, inventory)
    tell.rejections(picked.waveforms.reading.rejections)
    if kind == "pick":
        figure = pick_figure(picked, find_pick(picked.found, name), before_s, after_s)
    else:
        picked.check_picks(f"--{kind}")
        figure = FIGURES[kind](picked, find_pick(picked.picks, name), before_s, after_s)
    write_figure(figure, output)
    tell(f"{output}: {kind} of {name}")
    tell.rejections(picked.waveforms.reading.rejections)
