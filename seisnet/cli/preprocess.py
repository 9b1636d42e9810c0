"""``seisnet preprocess``: waveforms and picks to a windows file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seisnet.cli import console
from seisnet.cli.progress import Show, progress_line
from seisnet.wording import counted, divided_by, most_frequent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seisnet.preprocessing.job import Plan
    from seisnet.store.windows_file import WindowsInfo

PLAN_LINES = 20

DOUBTED = (10, 1.0)
"""So many picks of a phase, with a median signal-to-noise ratio below so many dB, are unlikely to be right.

Among the picks of five data sets of analysts no median is below 6 dB (P 13.6 to 23.2, S 6.8 to 14.9); at times without
an onset it is about 0.
"""


@click.command()
@console.sources
@console.labels_option("labels")
@click.option(
    "-o",
    "--output",
    type=console.PATH,
    help="File to write; it appears only when complete. Not needed with --dry-run.",
)
@console.config_file
@click.option("--task", type=click.Choice(["phase", "class"]), help="Learn phases or other classes. [phase]")
@click.option(
    "--classes",
    "class_names",
    callback=console.listed(str, "earthquake,rockfall"),
    metavar="A,B",
    help="Classes to learn with --task class; default: those of the labels.",
)
@click.option(
    "--sampling-rate", "sampling_rate_hz", type=float, metavar="HZ", help="Records are resampled to this rate. [100]"
)
@click.option("--window", "window_s", type=float, metavar="SECONDS", help="Length of a window. [4]")
@click.option("--features", type=click.Choice(["logspec", "raw"]), help="Log-spectrograms or raw samples. [logspec]")
@click.option(
    "--split",
    callback=console.listed(float, "0.7,0.15,0.15"),
    metavar="A,B,C",
    help="Shares of train, dev and test. [0.7,0.15,0.15]",
)
@click.option(
    "--split-by",
    type=click.Choice(["auto", "event", "both", "given"]),
    help="What no two splits share; given: use the data set's own splits. [auto]",
)
@click.option("--seed", type=int, help="Seed of every random choice. [0]")
@console.selection_options
@click.option(
    "--mine",
    "miner",
    type=console.NAME,
    default="",
    metavar="MODEL",
    help="Add noise windows where this model makes false picks.",
)
@click.option("--virtual", is_flag=True, help="Leave the features in shards, in OUTPUT.shards.")
@click.option("--dry-run", is_flag=True, help="Print what would be made; write nothing.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run with this output.")
@console.jobs
@console.scheduler
@console.overwrite
@console.quiet
@console.verbose
def preprocess(
    sources: tuple[str, ...],
    labels: tuple[str, ...],
    output: Path | None,
    config_path: Path | None,
    miner: str,
    virtual: bool,
    dry_run: bool,
    resume: bool,
    jobs: int,
    scheduler: str,
    overwrite: bool,
    tell: console.Teller,
    select: tuple[str, ...],
    starttime: str | None,
    endtime: str | None,
    inventory: tuple[Path, ...],
    **options: Any,
) -> None:
    """Make a windows file from SOURCES and labels (picks or classes).

    A source is a file, a folder, a glob, sds:PATH, fdsn:NAME or a data set.

    The output has the same bytes for any number of jobs. Finished parts of an interrupted run are kept beside the
    output; --resume continues from them and ends with the same bytes as a run that was never interrupted.

    \b
    Example:
      seisnet preprocess events/*.mseed --labels catalogue.xml -o windows.h5
      seisnet preprocess my_seisbench_dataset/ -o windows.h5 --jobs 4
      seisnet preprocess day.mseed --labels rockfalls.csv --task class --window 20 --dry-run
    """
    from seisnet.engine import READY, Engine

    console.not_both(resume=resume, overwrite=overwrite)
    if output is None and not dry_run:
        raise click.UsageError("Missing option '-o' / '--output'.")
    engine = Engine(jobs, scheduler)
    engine.get_ready(READY)  # which takes as long as the imports that follow, and goes on beside them
    from seisnet.config import PreprocessConfig
    from seisnet.preprocessing import job as preprocessing
    from seisnet.preprocessing.all_pieces import place_for_shards
    from seisnet.store.files import HDF5, check_not_read
    from seisnet.store.windows_file import read_rejected
    from seisnet.store.work_folder import check_place

    config = console.settings(config_path, PreprocessConfig(), options, tell)
    if options["split"] is not None and config.split_by == "given":
        raise click.UsageError("--split has no effect on given splits (--split-by, split_by); leave out one of both")
    selection = console.selected(select, starttime, endtime)
    if output:
        check_not_read(output, console.read_beside(config_path))
    if dry_run or output is None:
        if output:
            folder = place_for_shards(output, virtual=virtual)
            check_place(output, folder, HDF5, resume=resume, overwrite=overwrite)
        with progress_line("preprocess", quiet=tell.quiet) as show:
            plan = preprocessing.plan(
                sources,
                labels,
                config,
                miner=miner,
                engine=engine,
                progress=_windows_made(show),
                selection=selection,
                inventory=inventory,
            )
        _print_plan(plan, verbose=tell.verbose)
        tell.rejections(plan.rejected)
        return
    with progress_line("preprocess", quiet=tell.quiet) as show:
        info = preprocessing.preprocess_to_file(
            sources,
            labels,
            config,
            output=output,
            overwrite=overwrite,
            resume=resume,
            virtual=virtual,
            miner=miner,
            engine=engine,
            progress=_windows_made(show),
            say=tell.detail,
            selection=selection,
            inventory=inventory,
        )
    if not tell.quiet:
        _say_made(output, info, miner)
    tell.rejections(read_rejected(output))


def _windows_made(show: Show) -> Callable[[int, str], None]:
    return lambda made, source: show(f"{made} windows, read {source}")


def _say_made(output: Path, info: WindowsInfo, miner: str) -> None:
    """Say on stderr what is in a windows file, and what looks wrong in it."""
    from seisnet.store.windows_file import count_groups, read_counts, read_snr_db

    counts = read_counts(output)
    console.say(
        f"{output}: {counted(int(counts.sum()), 'window')} from {counted(len(info.sources), 'source')}, "
        f"{counted(count_groups(output), 'group')}, split by {divided_by(info.attributes['split_by'])}"
    )
    for line in (*_split_lines(info.classes, counts), *_doubts(read_snr_db(output))):
        console.say(line)
    if miner:
        console.say(f"  {info.attributes['mined_windows']} noise windows where {miner} makes false picks")


def _print_plan(plan: Plan, *, verbose: bool) -> None:
    """Print to stdout what would be made."""
    from seisnet.picks import iso_time

    together = f", read in {counted(len(plan.sources), 'portion')}" if len(plan.sources) != plan.n_files else ""
    click.echo(f"sources: {plan.n_files}{together}; their windows, before augmented ones of dev and test are left out:")
    for name, made in plan.sources if verbose else plan.sources[:PLAN_LINES]:
        click.echo(f"  {name}: {counted(made, 'window')}")
    _print_left(len(plan.sources), verbose=verbose)
    if plan.n_labels:
        click.echo(f"labels: {plan.n_labels}, with waveforms: {plan.n_matched}, without: {len(plan.unmatched)}")
        lines = most_frequent(Counter(reason for *_, reason in plan.unmatched), len(plan.unmatched))
        if verbose:
            lines = [f"{iso_time(start_ns)} {reason}" for _, start_ns, _, reason in plan.unmatched]
        for line in lines[: None if verbose else PLAN_LINES]:
            click.echo(f"  {line}")
        _print_left(len(lines), verbose=verbose)
    click.echo(f"windows: {plan.counts.sum()}, split by {divided_by(plan.how)}")
    for line in _split_lines(plan.classes, plan.counts):
        click.echo(line)
    click.echo(f"size: about {plan.n_bytes / 1e6:.1f} MB")


def _print_left(n: int, *, verbose: bool) -> None:
    if n > PLAN_LINES and not verbose:
        click.echo(f"  {n - PLAN_LINES} more; use -v to see all")


def _split_lines(classes: Sequence[str], counts: NDArray[np.int64]) -> Iterator[str]:
    from seisnet.store.windows_file import SPLITS

    for split, of_split in zip(SPLITS, counts, strict=True):
        told = ", ".join(f"{c} {n.sum()}" for c, n in zip(classes, of_split, strict=True))
        augmented = f" ({of_split[:, 1].sum()} augmented)" if of_split[:, 1].any() else ""
        yield f"  {split}: {told}{augmented}"
    windows = counts.sum(axis=2)
    for k, name in enumerate(classes):
        lacking = [split for split, n in zip(SPLITS, windows, strict=True) if n.any() and not n[k]]
        noise = name == "noise"
        if not windows[:, k].any():
            nowhere = "no trace is labelled noise, and no noise window fits between labels (noise_windows, noise_gap_s)"
            yield f"  no {name} at all: {nowhere if noise else 'no usable label names it'}"
        elif lacking:
            more = "set more noise_windows" if noise else "label more"
            yield f"  no {name} in {' and '.join(lacking)}: {more}, or try another --seed or --split"


def _doubts(snr_db: Mapping[str, NDArray[np.float32]]) -> Iterator[str]:
    """Warn of a phase most of whose picks show no onset, as happens with times in local time."""
    for phase, ratios in snr_db.items():
        middle = sorted(ratios)[len(ratios) // 2]
        if len(ratios) >= DOUBTED[0] and middle < DOUBTED[1]:
            yield (
                f"  most {phase} picks show no onset: the median signal-to-noise ratio is {middle:.1f} dB; "
                "are their times in UTC, and their stations right? seisnet inspect --plot shows them"
            )
