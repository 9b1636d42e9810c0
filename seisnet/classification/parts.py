"""What each source gave, kept in files until all are done, so that a job that was killed can go on.

A part is named for everything that it depends on: its source with the sizes and times of its files, model, settings and
version, so that a part of another job is never taken for one of this.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from seisnet import __version__
from seisnet.classification.one_source import Classification, SourceJob, classify_source
from seisnet.classification.views import View
from seisnet.engine import Engine
from seisnet.errors import DataError
from seisnet.model import Model
from seisnet.picks import Detection, Pick
from seisnet.scan.scanner import Probabilities
from seisnet.store.files import replacing
from seisnet.waveforms.records import Rejection
from seisnet.waveforms.sources import Source
from seisnet.wording import Say, misfits, silent


def parts_folder(output: Path) -> Path:
    """Where the parts of an output are kept until it is written."""
    return output.with_name(f".{output.name}.parts")


def make_parts(
    sources: Sequence[Source], job: SourceJob, folder: Path, engine: Engine, say: Say = silent
) -> Iterator[tuple[Source, Path]]:
    """Classify sources in their order, each into a file of its own unless that exists."""
    fingerprint = _fingerprint(job)
    names = [f"{_key(source, fingerprint)}.npz" for source in sources]
    if line := misfits("sources", [path.name for path in folder.glob("*.npz")], names):
        say(line)
    work = [(source, folder / name) for source, name in zip(sources, names, strict=True)]
    yield from zip(sources, engine.map(partial(_one, job=job), work), strict=True)


def _one(work: tuple[Source, Path], job: SourceJob) -> Path:
    source, path = work
    if not path.exists():
        part = classify_source(source, job)
        path = path.with_suffix(".failed") if part.failed else path  # so that whoever goes on asks again
        write_part(path, part)
    return path


def write_part(path: Path, part: Classification) -> None:
    """Write what a source gave, whole or not at all."""
    arrays: dict[str, Any] = {}
    place = {found: i for every in (part.picks, part.detections) for i, found in enumerate(every)}
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
            [v.start_ns, v.sampling_rate_hz, v.trace_id, [place[p] for p in v.picks], [place[d] for d in v.detections]]
            for v in part.views
        ],
        "spans": part.spans,
        "probabilities": [[f.start_ns, f.hop_ns, list(f.classes), f.trace_id] for f in part.probabilities],
        **{name: getattr(part, name) for name in ("failed", "highest", "seconds", "dead_s")},
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
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            values = json.loads(arrays["values"].tobytes())
            picks, detections = [Pick(**p) for p in values["picks"]], [Detection(**d) for d in values["detections"]]
            part = Classification(
                picks=picks,
                detections=detections,
                rejections=[Rejection(**r) for r in values["rejections"]],
                files=[Path(p) for p in values["files"]],
                views=[
                    View(
                        data=arrays[f"view{i}.data"],
                        start_ns=start_ns,
                        sampling_rate_hz=rate_hz,
                        probabilities=arrays[f"view{i}.p"],
                        times_ns=arrays[f"view{i}.t"],
                        picks=tuple(picks[k] for k in of_picks),
                        trace_id=trace_id,
                        detections=tuple(detections[k] for k in of_detections),
                    )
                    for i, (start_ns, rate_hz, trace_id, of_picks, of_detections) in enumerate(values["views"])
                ],
                spans=[(trace_id, start_ns, end_ns) for trace_id, start_ns, end_ns in values["spans"]],
                **{name: values[name] for name in ("failed", "highest", "seconds", "dead_s")},
            )
            if probabilities:
                part.probabilities = [
                    Probabilities(
                        arrays[f"found{i}.values"], start_ns, hop_ns, tuple(classes), trace_id, arrays[f"found{i}.dead"]
                    )
                    for i, (start_ns, hop_ns, classes, trace_id) in enumerate(values["probabilities"])
                ]
            return part
    except (OSError, EOFError, ValueError, LookupError, TypeError, RuntimeError, BadZipFile) as error:
        raise DataError(f"{path}: damaged; delete it") from error


def model_sha256(model: Model) -> str:
    """SHA-256 of all of a model that its picks depend on."""
    stored = model.stored
    digest = hashlib.sha256()
    for array in (stored.mean, stored.scale, *(a for s in stored.stages for a in (s.theta, s.mean, s.scale))):
        digest.update(b"" if array is None else array.tobytes())
    stages = [(stage.sizes, stage.activation, stage.reads) for stage in stored.stages]
    calibration = (dict(stored.thresholds), stored.temperature, dict(stored.spread))
    settings = (model.name, stages, stored.preprocess, calibration)
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _fingerprint(job: SourceJob) -> str:
    # What is applied to all picks together may change between runs, and threads never matter.
    config = replace(job.settings, coincidence=1, coincidence_s=0.0, p_before_s=0.0)
    wanted = (asdict(config), job.kept_views, job.keep_probabilities)
    return json.dumps([model_sha256(job.model), wanted, __version__], sort_keys=True)


def _key(source: Source, fingerprint: str) -> str:
    return hashlib.sha256(json.dumps([repr(source), source.stamps, fingerprint]).encode()).hexdigest()[:32]
