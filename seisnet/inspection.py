"""What is in a file, in words."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from seisnet.errors import DataError, missing
from seisnet.model_cards import stage_lines
from seisnet.picks import iso_time
from seisnet.store import model_file, windows_file
from seisnet.store.excerpts import excerpt_counts
from seisnet.store.hdf5 import file_format, opened
from seisnet.waveforms.files import Reading, read_file
from seisnet.waveforms.records import mark_of
from seisnet.wording import counted, duration, epochs, repeated

NEVER_DIVIDED = {
    "event": "no event lies in two splits",
    "both": "no event and no station lies in two splits",
    "given": "as the data set says",
}
"""What the attribute ``split_by`` of a windows file means."""

MOST = 20
"""Lines of one kind in a description: sources, reasons, traces."""


def describe(path: Path, *, every: bool = False) -> list[str]:
    """Describe a windows file, a model file or a waveform file, line by line.

    Parameters
    ----------
    path : Path
    every : bool
        Whether all sources, reasons and traces are listed, not the first `MOST` of each.

    Raises
    ------
    FormatError
        If it is a damaged file of ours.
    DataError
        If it is no file that seisnet or ObsPy reads.
    """
    check_is_file(path)
    found = file_format(path)
    if found == windows_file.FORMAT:
        with opened(path, found):  # where an attribute that is missing or absurd is an error in one line
            return _windows(path, every)
    if found == model_file.FORMAT:
        return _model(path)
    if found is not None:
        what = f"a file of format {found!r}" if found else "an HDF5 file"
        raise DataError(f"{path}: {what}, but not a windows or model file of seisnet")
    return _waveforms(path, every)


def check_is_file(path: Path) -> None:
    """Refuse what is no file, with a DataError that says what reads folders, archives and web services."""
    if path.is_file():
        return
    if path.is_dir() or str(path).startswith(("sds:", "fdsn:")):
        remedy = "name one; classify and preprocess --dry-run read folders, archives and web services"
        raise DataError(f"{path}: inspect describes one file; {remedy}")
    raise DataError(missing(path))


def _windows(path: Path, every: bool) -> list[str]:
    info, counts = windows_file.read_info(path), windows_file.read_counts(path)
    lines = [
        f"{path}: seisnet windows file, {counted(int(counts.sum()), 'window')} of {info.attributes['window_s']:g} s "
        f"at {info.attributes['sampling_rate_hz']:g} Hz",
        f"feature: {info.attributes['feature']} {' x '.join(map(str, info.feature_shape))} (components first), "
        f"components {info.attributes['component_order']}",
        f"split by: {info.attributes['split_by']} ({NEVER_DIVIDED[info.attributes['split_by']]}), "
        f"{counted(windows_file.count_groups(path), 'group')} (events, or hours of a station)",
        "windows of each split and class; augmented ones are altered copies and additional noise, for training only:",
    ]
    for name, of_split in zip(windows_file.SPLITS, counts, strict=True):
        parts = [f"{c} {n.sum()} ({n[1]} augmented)" for c, n in zip(info.classes, of_split, strict=True)]
        lines.append(f"{name}: {', '.join(parts)}")
    for name, (n, samples) in zip(windows_file.SPLITS, excerpt_counts(path), strict=True):
        if n:
            length = duration(samples / info.attributes["sampling_rate_hz"])
            lines.append(f"{name}: {counted(n, 'excerpt')} of records, {length}, for the later networks")
    lines.append("sources, with the windows made from each file and what is read with it, before any were left out:")
    sources = [f"source: {p}, {size} bytes, {counted(made, 'window')}" for p, size, _, made in info.sources]
    told = [
        f"{mark_of(reason)}{repeated(reason, n)}"
        for reason, n in Counter(reason for *_, reason in info.rejected).most_common()
    ]
    lines += [*_shown(sources, "source", every), *_shown(told, "reason", every)]
    return [*lines, f"config: {json.dumps(info.config)}"]


def _shown(lines: list[str], what: str, every: bool) -> list[str]:
    """Those of many lines that are shown, and how many more there are."""
    more = len(lines) - MOST
    return lines if every or more <= 0 else [*lines[:MOST], f"{counted(more, f'more {what}')}; use -v to see all"]


def _model(path: Path) -> list[str]:
    model = model_file.read_model(path)
    lines = [f"{path}: seisnet model file, classes {', '.join(model.classes)}"]
    lines += stage_lines(model)
    lines.append("thresholds: " + ", ".join(f"{name} {value:g}" for name, value in sorted(model.thresholds.items())))
    if "dev_macro_f1" in model.history and model.history["dev_macro_f1"].size:
        scores = model.history["dev_macro_f1"]
        lines.append(f"training: {epochs(scores.size, model.train)}, best dev macro-F1 {scores.max():.4f}")
    lines += [f"{name}: {value}" for name, value in sorted(model.attributes.items())]
    lines += [f"preprocess: {json.dumps(dict(model.preprocess))}", f"train: {json.dumps(dict(model.train))}"]
    return lines + ([model.card] if model.card else [])


def _waveforms(path: Path, every: bool) -> list[str]:
    reading = Reading()
    stream = read_file(path, reading)
    if stream is None:
        raise DataError(f"{reading.rejections[0].reason}; inspect reads waveforms, windows and models")
    lines = [f"{path}: {stream[0].stats.get('_format', 'waveform')} file, {counted(len(stream), 'trace')}"]
    traces = []
    for trace in stream:
        s = trace.stats
        traces.append(
            f"{trace.id}  {iso_time(s.starttime.ns)} to {iso_time(s.endtime.ns)}  {s.sampling_rate:g} Hz  "
            f"{counted(s.npts, 'sample')}  {trace.data.dtype}"
        )
    notes = [f"note: {repeated(reason, n)}" for reason, n in Counter(r.reason for r in reading.rejections).items()]
    return [*lines, *_shown(traces, "trace", every), *notes]
