"""``seisnet datasets``: the registry of public data sets, and other layouts turned into ours."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console
from seisnet.cli.progress import progress_line
from seisnet.wording import counted, first_and_more, quoted

MOST_FILES = 4
"""Files that `show` lists of a data set."""


@click.group()
def datasets() -> None:
    """Public data sets: what is available, and how to cite, download and read it.

    Example: seisnet datasets show stead
    """


@datasets.command("list")
def list_command() -> None:
    """List the data sets in the registry, one per line.

    Example: seisnet datasets list
    """
    from seisnet.datasets.entries import list_datasets

    rows = [("name", "task", "size", "layout", "licence", "what")]
    for entry in list_datasets():
        size = f"{entry.size_gb:g} GB" if entry.size_gb >= 0.1 else f"{entry.size_gb * 1e3:g} MB"
        size = size if entry.size_gb else "unknown"
        rows.append((entry.name, entry.task, size, entry.layout, entry.licence or "unknown", entry.title))
    console.table(rows)


@datasets.command("show")
@click.argument("name")
def show_command(name: str) -> None:
    """Show all details of data set NAME, of many files the first.

    Example: seisnet datasets show instance
    """
    from dataclasses import asdict

    from seisnet.datasets.entries import find_dataset

    for key, value in asdict(find_dataset(name)).items():
        if key in ("folders", "files"):
            for item in value[:MOST_FILES]:
                parts = item.items() if isinstance(item, dict) else [("url", item)]
                click.echo(f"{key}: {', '.join(f'{part} {said}' for part, said in parts if said)}")
            if more := len(value[MOST_FILES:]):
                click.echo(f"{key}: {more} more")
        elif value:
            click.echo(f"{key}: {', '.join(map(str, value)) if isinstance(value, tuple) else value}")
        elif key in ("doi", "licence", "traces", "size_gb"):
            click.echo(f"{key}: unknown")


@datasets.command("fetch", short_help="Download a data set.")
@click.argument("name")
@click.option("-o", "--output", type=console.PATH, help="Folder to write; the default is ./NAME.")
@click.option("--chunk", "chunks", multiple=True, help="Fetch only this chunk of a chunked data set; repeatable.")
@click.option("--overwrite", is_flag=True, help="Fetch files again that are already in the folder.")
@console.quiet
def fetch_command(
    name: str, output: Path | None, chunks: tuple[str, ...], overwrite: bool, tell: console.Teller
) -> None:
    """Download data set NAME to a folder; an interrupted download continues where it stopped.

    Size and checksum are checked where they are published, and a file appears only when complete.

    \b
    Example:
      seisnet datasets fetch iquique
      seisnet datasets fetch obs -o obs --chunk 201805 --chunk 201806
    """
    from seisnet.datasets.entries import fetch_dataset, find_dataset

    entry = find_dataset(name)
    folder = output or Path(entry.name)
    with progress_line(f"fetch {entry.name}", quiet=tell.quiet, unit="MB") as show:

        def progress(file: str, done_bytes: int, total_bytes: int) -> None:
            done_mb, total_mb = done_bytes / 1e6, total_bytes / 1e6
            show(f"{file} {done_mb:.1f}{f' of {total_mb:.1f}' if total_mb else ''} MB", done_mb, total_mb or None)

        there = fetch_dataset(entry, folder, chunks=chunks, overwrite=overwrite, progress=progress)
    if there:
        tell(f"{folder}: already there: {first_and_more(there, 3)}")
    task = "" if entry.task == "phase" else f" --task {entry.task}"
    next_step = entry.next_step or f"seisnet preprocess {{folder}}{task} -o {entry.name}.h5"
    tell(f"{folder}: complete; cite {entry.citation}")
    tell(f"next: {next_step.format(folder=quoted(folder))}")


@datasets.command("import", short_help="Convert a data set to the SeisBench layout.")
@click.argument("layout", type=click.Choice(["h5csv", "phasenet"]))
@click.argument("path", type=console.PATH)
@click.option("-o", "--output", type=console.PATH, required=True, help="Folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace the data set in the folder.")
@console.quiet
def import_command(layout: str, path: Path, output: Path, overwrite: bool, tell: console.Teller) -> None:
    """Convert the data set at PATH to a folder in the SeisBench layout, which preprocess reads.

    LAYOUT h5csv: PATH is NAME.h5, with NAME.csv beside it. LAYOUT phasenet: PATH is a folder of .npz files as
    PhaseNet and DeepDenoiser read them, one a trace; FOLDER may be the same.

    \b
    Example:
      seisnet datasets import h5csv phases/scdetect_ch.h5 -o scdetect_ch
      seisnet datasets import phasenet PhaseNet/dataset/waveform_train -o waveform_train
    """
    from seisnet.store.h5csv_file import import_h5csv
    from seisnet.store.phasenet_files import import_phasenet

    n_traces = {"h5csv": import_h5csv, "phasenet": import_phasenet}[layout](path, output, overwrite=overwrite)
    tell(f"{path.name}: {counted(n_traces, 'trace')} written to {output}")


@datasets.command("export", short_help="Write recordings around picks as a SeisBench data set.")
@click.argument("layout", type=click.Choice(["seisbench"]))
@console.sources
@console.labels_option("picks")
@click.option("-o", "--output", type=console.PATH, required=True, help="Folder to write.")
@click.option("--rate", "sampling_rate_hz", type=float, metavar="HZ", help="Sampling rate of all traces. [100]")
@click.option("--before", "before_s", type=float, metavar="S", help="Seconds kept before the first pick. [30]")
@click.option("--after", "after_s", type=float, metavar="S", help="Seconds kept after the last pick. [60]")
@console.selection_options
@console.overwrite
@console.quiet
@console.verbose
def export_command(
    layout: str,
    sources: tuple[str, ...],
    labels: tuple[str, ...],
    output: Path,
    select: tuple[str, ...],
    starttime: str | None,
    endtime: str | None,
    inventory: tuple[Path, ...],
    overwrite: bool,
    tell: console.Teller,
    **options: float | None,
) -> None:
    """Write the recordings around the picks in SOURCES as a data set that SeisBench can open.

    \b
    Example:
      seisnet datasets export seisbench sds:/archive --labels catalogue.xml -o my_dataset
    """
    from seisnet.config import ExportConfig
    from seisnet.datasets.export import export_seisbench

    with progress_line("export", quiet=tell.quiet) as show:
        n_traces, rejections = export_seisbench(
            sources,
            labels,
            output,
            ExportConfig(**console.given(options)),
            selection=console.selected(select, starttime, endtime),
            inventory=inventory,
            overwrite=overwrite,
            progress=lambda made, source: show(f"{made} traces, reading {source}"),
        )
    tell(f"{output}: {counted(n_traces, 'trace')} in the {layout} layout")
    tell.rejections(rejections)
