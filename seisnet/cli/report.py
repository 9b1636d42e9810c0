"""``seisnet report``: a report whose seismograms are drawn when they are looked at."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console


@click.command()
@click.argument("picks", type=console.PATH)
@console.drawing_options
@console.serve
@console.port
@console.quiet
@console.verbose
def report(
    picks: Path,
    waveforms: tuple[str, ...],
    model_name: str | None,
    inventory: tuple[Path, ...],
    port: int,
    tell: console.Teller,
) -> None:
    """Show PICKS, a file of picks or detections or the folder of a classify --report, in the browser of this machine.

    All can be sorted and filtered as in report.html, and each opens its seismogram, drawn on demand. The address is
    printed on stdout; only requests with the token in it are answered. Ctrl-C stops the server.

    \b
    Example:
      seisnet report report --serve
      seisnet report picks.csv --waveforms day.mseed --model model.h5 --serve
    """
    from seisnet.report.serving import LocalServer
    from seisnet.report.viewer import open_picked

    picked = open_picked(picks, waveforms, model_name, inventory)
    tell.rejections(picked.waveforms.reading.rejections)
    with LocalServer(picked.answer, port=port) as server:
        console.run_server(server, tell)
