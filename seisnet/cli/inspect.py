"""``seisnet inspect``: what is in a file."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console


@click.command()
@click.argument("file", type=console.PATH)
@click.option("--plot", "folder", type=console.PATH, metavar="DIR", help="Folder for an audit sheet of a windows file.")
@click.option("--seed", type=click.IntRange(0), help="Seed for the choice of windows of --plot. [0]")
@console.overwrite
@console.quiet
@click.option("-v", "--verbose", is_flag=True, help="List every source, reason and trace, not only the first.")
def inspect(file: Path, folder: Path | None, seed: int | None, overwrite: bool, tell: console.Teller) -> None:
    """Describe a windows file, a model file or a waveform file.

    --plot writes a report on a windows file: 25 random windows per class with their onsets, so that you see wrong
    labels before the network learns them, counts, signal-to-noise ratios, and stations whose coordinates are known.

    \b
    Example:
      seisnet inspect model.h5
      seisnet inspect windows.h5 --plot audit
    """
    from seisnet.errors import DataError
    from seisnet.inspection import check_is_file, describe

    if folder is None and (seed is not None or overwrite):
        raise click.UsageError(f"{'--seed' if seed is not None else '--overwrite'} needs --plot")
    check_is_file(file)
    if folder is not None:
        from seisnet.store.files import new_folder
        from seisnet.store.hdf5 import file_format

        click.get_current_context().with_resource(new_folder(folder, overwrite=overwrite))
        if file_format(file) is None:
            raise DataError(f"{file}: not HDF5; --plot draws windows files, seisnet plot draws seismograms")
    for line in describe(file, every=tell.verbose):
        click.echo(line)
    if folder is not None:
        import numpy as np

        from seisnet.report.audit import write_audit

        write_audit(file, folder, np.random.default_rng(seed or 0))
        tell(f"audit sheet: {folder / 'report.html'}")
