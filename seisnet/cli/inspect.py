"""``seisnet inspect``: what is in a file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def inspect(file: Path) -> None:
    """Say what is in a windows file, a model file or a waveform file.

    \b
    Example:
      seisnet inspect model.h5
    """
    from seisnet.errors import DataError
    from seisnet.inspection import describe

    if not file.is_file():
        raise DataError(f"{file}: no such file")
    for line in describe(file):
        click.echo(line)
