"""``seisnet preprocess``: waveforms and picks to a windows file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from seisnet.cli import console


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--labels", multiple=True, metavar="FILE", help="Catalogue (QuakeML, ...) or CSV of picks; repeatable.")
@console.output_file
@console.config_file
@click.option("--task", type=click.Choice(["phase"]), help="What the classes mean.")
@click.option("--features", type=click.Choice(["logspec", "raw"]), help="Feature; the default is logspec.")
@click.option("--split", callback=console.listed(float), metavar="A,B,C", help="Shares of train, dev and test.")
@click.option("--split-by", type=click.Choice(["auto", "event", "both", "given"]), help="What is never divided.")
@click.option("--seed", type=int, help="Seed of every random choice.")
@console.selection_options
@console.overwrite
@console.quiet
@console.verbose
def preprocess(
    sources: tuple[str, ...],
    labels: tuple[str, ...],
    output: Path,
    config_path: Path | None,
    overwrite: bool,
    quiet: bool,
    verbose: bool,
    select: tuple[str, ...],
    starttime: str | None,
    endtime: str | None,
    inventory: tuple[Path, ...],
    **options: Any,
) -> None:
    """Turn SOURCES (files, folders, globs, sds:PATH, fdsn:NAME, data sets) and picks into a windows file.

    \b
    Example:
      seisnet preprocess events/*.mseed --labels catalogue.xml -o windows.h5
      seisnet preprocess my_seisbench_dataset/ -o windows.h5
    """
    from seisnet.config import PreprocessConfig, load_toml
    from seisnet.preprocessing import preprocess_to_file
    from seisnet.store.windows_file import SPLITS, read_counts

    config = load_toml(config_path, "preprocess", PreprocessConfig) if config_path else PreprocessConfig()
    config = dataclasses.replace(config, **console.given(options))
    with console.progress_line("preprocess", quiet=quiet) as show:
        info = preprocess_to_file(
            sources,
            labels,
            config,
            output=output,
            overwrite=overwrite,
            progress=lambda made, source: show(f"{made} windows, reading {source}"),
            selection=console.selected(select, starttime, endtime),
            inventory=inventory,
        )
    counts = read_counts(output)
    console.say(
        f"{output}: {counts.sum()} windows from {len(info.sources)} sources, {len(info.group_names)} groups, "
        f"split by {'event and station' if info.attributes['split_by'] == 'both' else info.attributes['split_by']}",
        quiet=quiet,
    )
    for split, of_split in zip(SPLITS, counts, strict=True):
        classes = ", ".join(f"{c} {n.sum()}" for c, n in zip(info.classes, of_split, strict=True))
        augmented = f" ({of_split[:, 1].sum()} augmented)" if of_split[:, 1].any() else ""
        console.say(f"  {split}: {classes}{augmented}", quiet=quiet)
    console.say_rejections(info.rejected, quiet=quiet, verbose=verbose)
