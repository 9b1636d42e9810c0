"""``seisnet classify``: continuous waveforms to picks."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seisnet.cli import console
from seisnet.cli.progress import progress_line
from seisnet.wording import counted

if TYPE_CHECKING:
    from seisnet.classification.one_source import Classification
    from seisnet.config import PickConfig

VIEWS = 50
"""Seismograms in a report, unless another number is asked for."""


@click.command()
@console.sources
@console.model
@console.output_file
@click.option(
    "--format",
    "file_format",
    metavar="NAME",
    help="csv, quakeml, phasenet, seisbench, pyocto, gamma, real (a folder), nlloc or sc3ml. "
    "Default: by the ending of the output, .xml QuakeML, .obs nlloc, .scml sc3ml, otherwise CSV.",
)
@click.option("--threshold", multiple=True, metavar="P=0.5", help="Minimum probability of a pick; repeatable.")
@click.option("--hop", "hop_s", type=float, metavar="SECONDS", help="Step of the scan; default: the model's own.")
@click.option(
    "--coincidence", type=click.IntRange(1), metavar="N", help="Keep only picks that coincide at N or more stations."
)
@click.option(
    "--coincidence-window",
    "coincidence_s",
    type=float,
    metavar="SECONDS",
    help="Maximum time from the first to the last of these picks. [15]",
)
@click.option(
    "--probabilities",
    type=console.PATH,
    metavar="FILE",
    help="Probability traces as miniSEED (.mseed; channels HHP, HHS, HHX for P, S, noise) or HDF5 (.h5).",
)
@click.option("--report", type=console.PATH, help="Folder for an HTML report with the seismograms.")
@click.option(
    "--views", type=click.IntRange(0, 1_000_000), help=f"Maximum number of seismograms in the report. [{VIEWS}]"
)
@console.jobs
@console.scheduler
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads per record.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run.")
@console.config_file
@console.selection_options
@console.overwrite
@console.quiet
@console.verbose
def classify(
    sources: tuple[str, ...],
    model_name: str,
    output: Path,
    file_format: str | None,
    threshold: tuple[str, ...],
    probabilities: Path | None,
    report: Path | None,
    views: int | None,
    jobs: int,
    scheduler: str,
    threads: int,
    resume: bool,
    config_path: Path | None,
    overwrite: bool,
    tell: console.Teller,
    select: tuple[str, ...],
    starttime: str | None,
    endtime: str | None,
    inventory: tuple[Path, ...],
    **options: Any,
) -> None:
    """Pick phases in SOURCES: files, folders, globs, sds:PATH, fdsn:NAME, data sets.

    \b
    Example:
      seisnet classify day.mseed -o picks.csv --report report
      seisnet classify day.mseed --model model.h5 -o picks.csv --threshold S=0.6
      seisnet classify sds:/archive --select "GE.APE..HH?" -o phasenet.csv --format phasenet
    """
    from seisnet.classification.job import classify_to_file
    from seisnet.classification.one_source import SourceJob
    from seisnet.classification.output import Output, failures
    from seisnet.classification.summary import summary
    from seisnet.engine import Engine
    from seisnet.formats.picks import format_of
    from seisnet.model import load_model
    from seisnet.store.files import new_folder
    from seisnet.waveforms.files import Reading
    from seisnet.waveforms.finding import find_sources

    console.not_both(resume=resume, overwrite=overwrite)
    selection = console.selected(select, starttime, endtime)
    engine = Engine(jobs, scheduler)
    config = pick_config(config_path, threshold, options, tell)
    if options["coincidence_s"] is not None and config.coincidence == 1:
        raise click.UsageError("--coincidence-window needs --coincidence N")
    if views is not None and report is None:
        raise click.UsageError("--views needs --report")
    most_views = (VIEWS if views is None else views) if report else 0
    file_format = file_format or format_of(output)
    wanted = Output(output, file_format, probabilities, report)
    wanted.check(resume=resume, overwrite=overwrite, reads=console.read_beside(model_name, config_path))
    with (
        new_folder(report, overwrite=overwrite or resume) if report else nullcontext(),
        progress_line("classify", quiet=tell.quiet) as show,
    ):
        model, reading = load_model(model_name), Reading()
        model.thresholds(config)
        found_sources = find_sources(sources, reading, selection=selection, inventory=inventory)
        job = SourceJob(model, config, most_views, probabilities is not None, threads)

        def write_report(found: Classification) -> None:
            if report:
                from seisnet.report import classification  # which loads the library of figures

                show("drawing the report")
                origin = classification.Origin(sources, model_name, inventory, selection)
                classification.write_classification(found, model, report, origin=origin)

        found = classify_to_file(
            found_sources,
            job,
            wanted,
            reading=reading,
            engine=engine,
            resume=resume,
            overwrite=overwrite,
            progress=show,
            say=tell.detail,
            then=write_report,
        )
    if found is None:
        tell(f"{output} is finished; nothing to resume")
        if failed := failures(output):
            told = counted(len(failed), "file or request", "files or requests")
            tell.detail(f"{told} had failed: --overwrite reads all again ({failed[0]})")
        return
    read = f" {counted(len(found.files), 'file')} read." if found.files else ""
    thresholds = ", ".join(f"{c} {t:g}" for c, t in sorted(found.thresholds.items()))
    tell(f"{output}: {' '.join(summary(found, model))}{read}")
    tell.detail(f"model {model.name}, thresholds {thresholds}")
    tell.rejections(found.rejections)
    others = ([probabilities] if probabilities else []) + ([report / "report.html"] if report else [])
    tell.outputs(output, *others)


def pick_config(
    path: Path | None, thresholds: tuple[str, ...], options: dict[str, Any], tell: console.Teller
) -> PickConfig:
    """Settings of a file, over which options go."""
    from seisnet.config import PickConfig

    config = console.settings(path, PickConfig(), options, tell)
    given = dict(map(_threshold, thresholds))
    if len(given) < len(thresholds):
        raise click.UsageError(f"--threshold {' '.join(thresholds)}: a class has two; leave one out")
    return dataclasses.replace(config, thresholds={**config.thresholds, **given})


def _threshold(text: str) -> tuple[str, float]:
    name, equals, value = text.rpartition("=")  # a class may have any name
    try:
        if not equals:
            raise ValueError(text)
        return name.strip(), float(value)
    except ValueError as error:
        raise click.BadParameter(f"--threshold '{text}' is not of the form P=0.5") from error
