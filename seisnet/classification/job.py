"""From sources to picks: in memory, or to files by way of parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from seisnet.classification.chosen_views import of_picks, spread, with_all, without_repeats
from seisnet.classification.one_source import Classification, SourceJob, classify_source
from seisnet.classification.output import Output, is_finished, made_of, write_finished
from seisnet.classification.parts import make_parts, parts_folder, read_part
from seisnet.config import PickConfig
from seisnet.engine import Engine
from seisnet.errors import DataError, NothingUsableError
from seisnet.formats.picks import write_detections, write_picks
from seisnet.formats.probabilities import check_name, write_probabilities
from seisnet.model import Model
from seisnet.picking.coincidence import accepted
from seisnet.picking.detector import joined_detections
from seisnet.store.work_folder import State, claim, clear, remove, state_of, work_folder
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources, nothing_wanted
from seisnet.waveforms.records import reasons
from seisnet.waveforms.selection import Selection
from seisnet.waveforms.sources import Source
from seisnet.wording import Say, silent


def classify(
    sources: Sequence[str],
    model: Model,
    config: PickConfig | None = None,
    *,
    most_views: int = 0,
    selection: Selection | None = None,
) -> Classification:
    """Pick the phases in everything that a list of sources holds.

    Parameters
    ----------
    sources : sequence of str
        Files, folders, globs, archives, web services, data set folders.
    most_views : int
        How many stretches with picks, or detections, to keep for a report.
    selection : Selection, optional
        Which channels and times of the sources are wanted.

    Raises
    ------
    NothingUsableError
        If no record could be scanned; the message says why.
    """
    reading, job = Reading(), SourceJob(model, PickConfig.of(config), most_views)
    found = find_sources(sources, reading, selection=selection or Selection())
    parts = (classify_source(source, job) for source in found)
    return gathered(zip(found, parts, strict=True), job, reading)


def classify_to_file(  # noqa: PLR0913, each is a choice that somebody makes
    sources: Sequence[Source],
    job: SourceJob,
    output: Output,
    *,
    reading: Reading,
    engine: Engine,
    resume: bool = False,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    say: Say = silent,
    then: Callable[[Classification], None] | None = None,
) -> Classification | None:
    """Classify sources and write what was found; with `resume`, a run that was killed continues, to the same bytes.

    `say` gets a line if finished sources of an interrupted run can't be reused. `then` is called with what was found
    once that is written; a run that is killed during this call can be resumed, too.

    Returns
    -------
    Classification or None
        None if the output is finished, so that there is nothing to resume.

    Raises
    ------
    ConfigError
        For an output that can't hold what the model finds, or is also an input, or as `is_finished` or `work_folder`.
    NothingUsableError
        If no record could be scanned; the message says why.
    DataError
        If a file can't be written, or a part can't be read; what is finished is kept.
    """
    paths: list[Path] = []
    output.check_task(job.model.preprocess.task)
    if output.probabilities:
        check_name(output.probabilities, job.model.classes)
    output.check_sources(sources)
    folder, of = parts_folder(output.path), made_of(sources, job, output)
    there = resume and state_of(output.path, folder) is State.THERE
    if there and is_finished(output, of):
        clear(folder)
        return None
    with work_folder(folder, output.paths, resume=resume, overwrite=overwrite or there):

        def parts() -> Iterator[tuple[Source, Classification]]:
            for source, path in make_parts(sources, job, folder, engine, say):
                paths.append(path)
                yield source, read_part(path)

        try:
            found = gathered(parts(), job, reading, progress=progress, total=len(sources))
            claim(folder, output.paths)
            if job.model.preprocess.task == "class":
                write_detections(found.detections, output.path, output.file_format, overwrite=True)
            else:
                write_picks(found.picks, output.path, output.file_format, overwrite=True)
            if output.probabilities:
                traces = (trace for path in paths for trace in read_part(path, probabilities=True).probabilities)
                write_probabilities(traces, output.probabilities, model=job.model.name)
            if then:
                then(found)
            write_finished(output.path, of, found.failed)
        except DataError as error:
            if isinstance(error, NothingUsableError) or not paths:
                raise
            done = f"{len(paths)} of {len(sources)} sources are finished"
            raise DataError(f"{error}; {done}: correct this and use resume=True") from error
        remove(folder, output.path)
        return found


def gathered(
    parts: Iterable[tuple[Source, Classification]],
    job: SourceJob,
    reading: Reading,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    total: int = 0,
) -> Classification:
    """Put together what the sources gave, in their order.

    Raises
    ------
    NothingUsableError
        If no record could be scanned; the message says why.
    """
    result = Classification(thresholds=job.model.thresholds(job.config), rival_s=job.config.rival_s)
    result.rejections, result.files = list(reading.rejections), list(reading.files)
    sources: list[Source] = []
    for i, (source, part) in enumerate(parts):
        sources.append(source)
        result.add(part)
        result.views = spread(result.views, job.kept_views)
        if progress:
            progress(f"{source.name}, {len(result.picks) + len(result.detections)} found so far", i + 1, total)
    reached, result.picks = len(result.picks), accepted(result.picks, job.config)
    result.refused = reached - len(result.picks)
    hop_ns = job.model.chain(job.config).hop_ns
    result.detections = joined_detections(result.detections, job.config, hop_ns)
    views = spread(of_picks(result.views, set(result.picks)), job.most_views)
    result.views = without_repeats(with_all(views, result.picks, result.detections))
    if not result.spans:
        why = reasons(result.rejections) or nothing_wanted(sources)
        raise NothingUsableError(f"nothing could be scanned: {why}")
    return result
