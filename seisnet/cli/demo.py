"""``seisnet demo``: the whole job, without any data of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console


@click.command()
@click.option("-o", "--output", type=console.PATH, default="seisnet-demo", show_default=True, help="Folder to write.")
@console.overwrite
@console.quiet
def demo(output: Path, overwrite: bool, tell: console.Teller) -> None:
    """Train on synthetic earthquakes, evaluate, pick the real recordings that come with ObsPy, and write a report.

    \b
    Example:
      seisnet demo -o demo
    """
    from seisnet.demo import run_demo

    run_demo(output, overwrite=overwrite, say=tell)
    click.echo(str((output / "report.html").absolute()))
