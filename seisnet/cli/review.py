"""``seisnet review``: an analyst steps through picks."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console


@click.command()
@click.argument("picks", type=console.PATH)
@console.drawing_options
@click.option(
    "-o", "--output", type=console.PATH, help="File for the answers; default: NAME.reviewed.csv beside PICKS."
)
@console.serve
@console.port
@console.quiet
@console.verbose
def review(
    picks: Path,
    waveforms: tuple[str, ...],
    model_name: str | None,
    inventory: tuple[Path, ...],
    output: Path | None,
    port: int,
    tell: console.Teller,
) -> None:
    """Review PICKS, a file of picks or the folder of a classify --report, in the browser of this machine.

    Each answer is saved to disk before the page shows it; an existing file of answers is continued. Its columns are
    network, station, location, channel, time, phase, status (accepted, moved, rejected) and pick_id; if there are
    several rows for one pick, the last counts. `preprocess --labels` reads the file, without the rejected picks.

    Keys: a accept, r reject, p and s change the phase, arrows go to the next and the previous pick, n to the next
    without an answer; drag the onset's line to move it. The address is printed on stdout. Ctrl-C stops the server.

    \b
    Example:
      seisnet review picks.csv --waveforms day.mseed --model model.h5 --serve
      seisnet preprocess day.mseed --labels picks.reviewed.csv -o windows.h5
    """
    from seisnet.report.serving import LocalServer
    from seisnet.report.viewer import open_picked
    from seisnet.review.answers import Answers
    from seisnet.review.page import ReviewPage

    picked = open_picked(picks, waveforms, model_name, inventory)
    picked.check_picks("review")
    tell.rejections(picked.waveforms.reading.rejections)
    beside = picks / "picks.csv" if picks.is_dir() else picks
    output = output or beside.with_name(f"{beside.stem}.reviewed.csv")
    with Answers(output) as answers, LocalServer(ReviewPage(picked, answers).answer, port=port) as server:
        if answers.removed:
            tell(answers.removed)
        tell(f"answers are saved in {output} ({len(answers.latest)} so far)")
        console.run_server(server, tell)
