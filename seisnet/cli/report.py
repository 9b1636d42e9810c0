"""``seisnet report``: a report whose seismograms are drawn when they are looked at."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console


@click.command()
@click.argument("picks", type=click.Path(path_type=Path))
@console.drawing_options
@console.serve
@console.port
@console.quiet
def report(
    picks: Path,
    waveforms: tuple[str, ...],
    model_name: str | None,
    inventory: tuple[Path, ...],
    port: int,
    quiet: bool,
) -> None:
    """Serve PICKS to the browser of this machine: a file of picks, or the folder of a classify --report.

    All picks sort and filter as in report.html, and any of them opens its seismogram, drawn on demand. The address is
    printed on stdout; it holds a token without which nothing is answered. Ctrl-C ends.

    \b
    Example:
      seisnet report report --serve
      seisnet report picks.csv --waveforms day.mseed --model model.h5 --serve
    """
    from seisnet.report.serving import LocalServer
    from seisnet.report.viewer import open_picked

    picked = open_picked(picks, waveforms, model_name, inventory)
    with LocalServer(picked.answer, port=port) as server:
        console.run_server(server, quiet=quiet)
