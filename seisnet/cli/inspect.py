"""``seisnet inspect``: what is in a file."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--plot", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Of a windows file: draw an audit sheet."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the windows that are drawn.")
@console.overwrite
@console.quiet
def inspect(file: Path, folder: Path | None, seed: int, overwrite: bool, quiet: bool) -> None:
    """Say what is in a windows file, a model file or a waveform file.

    With --plot a report of a windows file: 25 random windows of each class with their onset, so that wrong labels are
    seen before they are learned; counts, signal-to-noise ratios, and stations where their coordinates are known.

    \b
    Example:
      seisnet inspect model.h5
      seisnet inspect windows.h5 --plot audit
    """
    from seisnet.errors import DataError, missing
    from seisnet.inspection import describe

    if not file.is_file():
        raise DataError(missing(file))
    if folder is not None:
        from seisnet.report.folder import new_folder
        from seisnet.store.hdf5 import file_format

        click.get_current_context().with_resource(new_folder(folder, overwrite=overwrite))
        if file_format(file) is None:
            raise DataError(f"{file}: not HDF5; --plot draws what is in a windows file, seisnet plot draws seismograms")
    for line in describe(file):
        click.echo(line)
    if folder is not None:
        import numpy as np

        from seisnet.report.audit import write_audit

        write_audit(file, folder, np.random.default_rng(seed))
        console.say(f"audit sheet: {folder / 'report.html'}", quiet=quiet)
