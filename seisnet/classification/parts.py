"""What each source gave, kept in files until all are done, so that a job that was killed can go on.

A part is named for everything that it depends on: its source with the sizes and times of its files, model, settings and
version. A part of another job is never taken for one of this one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from seisnet import __version__
from seisnet.classification.job import Classification, Job, View, classify_source, gathered
from seisnet.config import nearest
from seisnet.engine import Engine
from seisnet.errors import ConfigError, DataError, NothingUsableError, SeisnetError
from seisnet.formats.picks import FORMATS, check_detections_format, write_detections, write_picks
from seisnet.formats.probabilities import check_name, write_probabilities
from seisnet.picks import Detection, Pick
from seisnet.scan.scanning import Probabilities
from seisnet.store.hdf5 import check_not_read, check_output, held_folder, replacing
from seisnet.waveforms.records import Rejection
from seisnet.waveforms.sources import Reading, Source
from seisnet.wording import misfits


def parts_folder(output: Path) -> Path:
    """Where the parts of an output are kept until it is written."""
    return output.with_name(f".{output.name}.parts")


@contextmanager
def open_folder(output: Path, *, resume: bool, overwrite: bool) -> Iterator[Path]:
    """Make the folder for the parts of an output; an earlier one is used again, or emptied, only if told so.

    Raises
    ------
    ConfigError
        If there is one and neither is set, or if another run is at work in it.
    """
    folder = parts_folder(output)
    with held_folder(folder, output, anew=overwrite and not resume):
        if any(folder.iterdir()) and not (resume or overwrite):
            raise ConfigError(f"{output}: an interrupted run left parts of it; say --resume or --overwrite")
        try:
            yield folder
        except SeisnetError:
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()
            raise


@dataclass(frozen=True)
class Output:
    """What a job writes.

    Attributes
    ----------
    path : Path
        Picks, or detections where that is the model's task.
    file_format : str
        See `seisnet.formats.picks.FORMATS`.
    probabilities : Path or None
        See `seisnet.formats.probabilities`.
    """

    path: Path
    file_format: str = "csv"
    probabilities: Path | None = None

    def check(self, *, may_exist: bool) -> None:
        """Refuse, before any work is done, names and formats that can't be written.

        Raises
        ------
        ConfigError
            For an unknown format, or a file that exists and may not.
        """
        if self.file_format not in FORMATS:
            raise ConfigError(f"--format '{self.file_format}'{nearest(self.file_format, FORMATS)}")
        check_output(self.path, overwrite=may_exist, folder=self.file_format == "real")
        if self.probabilities:
            check_name(self.probabilities)
            if self.probabilities.absolute() == self.path.absolute():
                raise ConfigError(f"{self.path}: picks and probabilities need a file each")
            check_output(self.probabilities, overwrite=may_exist)

    def check_sources(self, sources: Sequence[Source]) -> None:
        """Refuse to replace what sources read.

        Raises
        ------
        ConfigError
            If an output is a file that is read.
        """
        for path in filter(None, (self.path, self.probabilities)):
            check_not_read(path, (file for source in sources for file in source.reads))


def classify_to_file(  # noqa: PLR0913, each is a choice that somebody makes
    sources: Sequence[Source],
    job: Job,
    output: Output,
    *,
    reading: Reading,
    engine: Engine,
    resume: bool = False,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Classification:
    """Classify sources and write what was found; a run that was killed goes on with `resume`, to the same bytes.

    `say` is told in a line how many finished sources of an interrupted run can't be taken, if any.

    Raises
    ------
    ConfigError
        For a format that can't hold what the model finds or an output that is read, and see `open_folder`.
    NothingUsableError
        If no record could be scanned; the message says why.
    DataError
        If a file can't be written, or a part be read; what is finished is kept.
    """
    paths: list[Path] = []
    if job.model.preprocess.task == "class":
        check_detections_format(output.file_format)
    output.check_sources(sources)
    with open_folder(output.path, resume=resume, overwrite=overwrite) as folder:

        def parts() -> Iterator[tuple[Source, Classification]]:
            for source, path in run(sources, job, folder, engine, say):
                paths.append(path)
                yield source, read_part(path)

        try:
            found = gathered(parts(), job, reading, progress=progress, total=len(sources))
            if job.model.preprocess.task == "class":
                write_detections(found.detections, output.path, output.file_format)
            else:
                write_picks(found.picks, output.path, output.file_format)
            if output.probabilities:
                traces = (trace for path in paths for trace in read_part(path, probabilities=True).probabilities)
                write_probabilities(traces, output.probabilities, model=job.model.name)
        except NothingUsableError:
            shutil.rmtree(folder)  # there is nothing to go on with
            raise
        except DataError as error:
            done = f"{len(paths)} of {len(sources)} sources are finished"
            raise DataError(f"{error}; {done}: mend that, and say --resume") from error
        shutil.rmtree(folder)
        return found


def run(
    sources: Sequence[Source], job: Job, folder: Path, engine: Engine, say: Callable[[str], None] | None = None
) -> Iterator[tuple[Source, Path]]:
    """Classify sources, each into a file of its own, as far as that is not there; in their order."""
    fingerprint = _fingerprint(job)
    names = [f"{_key(source, fingerprint)}.npz" for source in sources]
    if say and (line := misfits("sources", [path.name for path in folder.glob("*.npz")], names)):
        say(line)
    work = [(source, folder / name) for source, name in zip(sources, names, strict=True)]
    yield from zip(sources, engine.map(partial(_one, job=job), work), strict=True)


def _one(work: tuple[Source, Path], job: Job) -> Path:
    source, path = work
    if not path.exists():
        write_part(path, classify_source(source, job))
    return path


def write_part(path: Path, part: Classification) -> None:
    """Write what a source gave, whole or not at all."""
    arrays: dict[str, Any] = {}
    for i, view in enumerate(part.views):
        arrays |= {f"view{i}.data": view.data, f"view{i}.p": view.probabilities, f"view{i}.t": view.times_ns}
    for i, found in enumerate(part.probabilities):
        arrays |= {f"found{i}.values": found.values, f"found{i}.dead": found.dead}
    values = {
        "picks": [asdict(p) for p in part.picks],
        "detections": [asdict(d) for d in part.detections],
        "rejections": [r._asdict() for r in part.rejections],
        "files": [str(p) for p in part.files],
        "views": [
            [v.start_ns, v.sampling_rate_hz, v.trace_id, [part.picks.index(p) for p in v.picks]] for v in part.views
        ],
        "spans": part.spans,
        "probabilities": [[f.start_ns, f.hop_ns, list(f.classes), f.trace_id] for f in part.probabilities],
        **{name: getattr(part, name) for name in ("trace_ids", "highest", "n_records", "seconds", "dead_s")},
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, values=np.frombuffer(json.dumps(values).encode(), dtype=np.uint8), **arrays)


def read_part(path: Path, *, probabilities: bool = False) -> Classification:
    """Read what `write_part` wrote; probabilities only if asked for.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            values = json.loads(arrays["values"].tobytes())
            picks = [Pick(**p) for p in values["picks"]]
            part = Classification(
                picks=picks,
                detections=[Detection(**d) for d in values["detections"]],
                rejections=[Rejection(**r) for r in values["rejections"]],
                files=[Path(p) for p in values["files"]],
                views=[
                    View(
                        data=arrays[f"view{i}.data"],
                        start_ns=start_ns,
                        sampling_rate_hz=rate_hz,
                        probabilities=arrays[f"view{i}.p"],
                        times_ns=arrays[f"view{i}.t"],
                        picks=tuple(picks[k] for k in indices),
                        trace_id=trace_id,
                    )
                    for i, (start_ns, rate_hz, trace_id, indices) in enumerate(values["views"])
                ],
                spans=[(trace_id, start_ns, end_ns) for trace_id, start_ns, end_ns in values["spans"]],
                **{name: values[name] for name in ("trace_ids", "highest", "n_records", "seconds", "dead_s")},
            )
            if probabilities:
                part.probabilities = [
                    Probabilities(
                        arrays[f"found{i}.values"], start_ns, hop_ns, tuple(classes), trace_id, arrays[f"found{i}.dead"]
                    )
                    for i, (start_ns, hop_ns, classes, trace_id) in enumerate(values["probabilities"])
                ]
            return part
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: damaged; it has to be deleted") from error


def _fingerprint(job: Job) -> str:
    stored = job.model.stored
    digest = hashlib.sha256()
    for array in (stored.mean, stored.scale, *(a for s in stored.stages for a in (s.theta, s.mean, s.scale))):
        digest.update(b"" if array is None else array.tobytes())
    stages = [(stage.sizes, stage.activation, stage.reads) for stage in stored.stages]
    calibration = (dict(stored.thresholds), stored.temperature, dict(stored.spread))
    settings = (job.model.name, stages, stored.preprocess, calibration)
    # What is applied to all picks together may change between runs, and threads never matter.
    config = replace(job.config, coincidence=1, coincidence_s=0.0, p_before_s=0.0)
    wanted = (asdict(config), job.most_views, job.keep_probabilities)
    digest.update(json.dumps([settings, wanted, __version__], sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _key(source: Source, fingerprint: str) -> str:
    return hashlib.sha256(json.dumps([repr(source), source.stamps, fingerprint]).encode()).hexdigest()[:32]
