"""From sources and labels to a windows file."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig, names, or_default
from seisnet.engine import READY, Engine
from seisnet.errors import ConfigError, DataError, FormatError, UnfinishedError
from seisnet.preprocessing.all_pieces import Progress, Totals, inputs_sha256, make_shards, place_for_shards
from seisnet.preprocessing.merging import describe, merge, step
from seisnet.preprocessing.one_piece import work
from seisnet.preprocessing.planning import label_remarks, make_job, make_pieces
from seisnet.preprocessing.splits import divide
from seisnet.store.files import HDF5, check_not_read
from seisnet.store.virtual_features import shards_folder
from seisnet.store.windows_file import FeatureReader, Rejected, WindowsInfo, is_virtual, read_info
from seisnet.store.windows_in_memory import Windows, read_windows
from seisnet.store.work_folder import State, check_place, claim, clear, forget, remove, work_folder
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.records import COMPONENTS
from seisnet.waveforms.selection import Selection
from seisnet.wording import Say, counted, misfits, most_frequent, silent

BYTES_A_ROW = 48
"""Approximate size of a row of a windows file without its features."""

HERE = Engine()


@dataclass(frozen=True)
class Plan:
    """What preprocess would make.

    Attributes
    ----------
    classes : tuple of str
    sources : tuple of (str, int)
        Name of what is read at once, such as the files of one station and day, and how many windows it gives.
    n_files : int
        Files, data sets and requests to web services among these, which the windows file will list as its sources.
    n_labels, n_matched : int
        Labels of files, and those of them that some record uses.
    unmatched : tuple
        The other labels, as in the windows file.
    rejected : tuple
        What else is left out, as in the windows file, but without excerpts that would lie in two splits.
    counts : int64 (3, K, 2)
        Windows by split, class and whether they are augmented.
    how : str
        What never lies in two splits: ``event``, ``both`` or ``given``.
    n_bytes : int
        Approximate size of the windows file.
    """

    classes: tuple[str, ...]
    sources: tuple[tuple[str, int], ...]
    n_files: int
    n_labels: int
    n_matched: int
    unmatched: tuple[Rejected, ...]
    rejected: tuple[Rejected, ...]
    counts: NDArray[np.int64]
    how: str
    n_bytes: int


def preprocess(
    sources: Sequence[str | Path],
    labels: Sequence[str | Path] = (),
    config: PreprocessConfig | None = None,
    *,
    engine: Engine = HERE,
    selection: Selection | None = None,
    inventory: Sequence[str | Path] = (),
) -> Windows:
    """Make windows in memory; see `preprocess_to_file`.

    Examples
    --------
    >>> windows = preprocess(["events/*.mseed"], ["catalogue.xml"])  # doctest: +SKIP
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "windows.h5"
        try:
            preprocess_to_file(
                sources, labels, config, output=path, engine=engine, selection=selection, inventory=inventory
            )
        except UnfinishedError as failed:
            error, *_ = failed.args  # without the advice to resume: what is finished goes with the folder
            raise error from None
        return read_windows(path)


def preprocess_to_file(  # noqa: PLR0913, each is a choice that somebody makes
    sources: Sequence[str | Path],
    labels: Sequence[str | Path] = (),
    config: PreprocessConfig | None = None,
    *,
    output: str | Path,
    overwrite: bool = False,
    resume: bool = False,
    virtual: bool = False,
    miner: str = "",
    engine: Engine = HERE,
    progress: Progress | None = None,
    say: Say = silent,
    selection: Selection | None = None,
    inventory: Sequence[str | Path] = (),
) -> WindowsInfo:
    """Turn waveforms and labels into a windows file.

    The sources are divided into pieces, each of which becomes a shard in a folder beside the output; then the shards
    are merged. The bytes are the same for any engine. A run that was killed, or met a full disk, leaves its finished
    shards; with `resume` the next one uses those that its inputs and settings would make again.

    Parameters
    ----------
    sources : sequence of str or Path
        Files, folders, globs, archives, web services, or data sets, which carry their own labels.
    labels : sequence of str or Path
        Catalogues and CSV files of picks, or of classes, for the sources that are not data sets.
    config : PreprocessConfig, optional
        How windows are cut and what is made of them.
    output : str or Path
        The windows file; it appears whole or not at all.
    overwrite : bool
        Whether an existing output, and what is left of an interrupted run, may be replaced.
    resume : bool
        Whether to go on with what is left of an interrupted run.
    virtual : bool
        Whether the features stay in the shards, in the folder ``<output>.shards``, and the windows file refers to them.
    miner : str
        Model whose false picks become windows of noise in the training split, see `seisnet.preprocessing.mining`.
    engine : Engine
        Where the work is done.
    progress : callable, optional
        See `Progress`.
    say : callable, optional
        Called with a line if finished shards of an interrupted run can't be used.
    selection : Selection, optional
        Which channels and times of the sources are wanted.
    inventory : sequence of str or Path
        Files of station metadata, which place components by azimuth and dip.

    Returns
    -------
    WindowsInfo
        What describes the file, without what was rejected, which is only in the file.

    Raises
    ------
    NothingUsableError
        If not one window could be made; the message says why.
    ConfigError
        If the output exists, or parts that an interrupted run left, and neither `overwrite` nor `resume` is set; if
        the output is also an input; if `sources` or `labels` is not a list of names.
    """
    config, labels, output = or_default(config, PreprocessConfig), names("labels", labels), Path(output)
    folder = place_for_shards(output, virtual=virtual)
    there = check_place(output, folder, HDF5, resume=resume, overwrite=overwrite) is State.THERE
    engine.get_ready(READY)
    reading = Reading()
    found = find_sources(sources, reading, selection=selection or Selection(), inventory=inventory, engine=engine)
    read = (path for source in found for path in source.reads)
    check_not_read(output, itertools.chain(read, map(Path, labels), [Path(miner)]))
    job = make_job(found, labels, config, reading.rejections, miner=miner, folder=folder)
    pieces = list(make_pieces(found, config.link_s, reading.rejections))
    identities = [job.identity(piece) for piece in pieces] if resume else []
    if resume and there and (info := _finished(output, inputs_sha256(job, identities), virtual=virtual)):
        if not virtual:
            clear(folder)
        return info
    was_virtual = is_virtual(output)
    keep = virtual and was_virtual  # its shards are in this folder
    with work_folder(folder, [output], resume=resume, overwrite=overwrite or there, keep=keep):
        if resume and (line := misfits("shards", [path.stem for path in folder.glob("*.h5")], identities)):
            say(line)
        with engine.crew(partial(step, job)) as over:
            totals = make_shards(job, pieces, over, reading.rejections, progress)
            reading.rejections += label_remarks(job, totals.unmatched, totals.records)
            try:
                division = divide(totals.rows, job.config, totals.covered, totals.excerpted)
            except DataError as error:
                raise UnfinishedError(error, "the shards are finished: correct this and use resume=True") from error
            info = describe(job, totals, division, [Path(path) for path in labels], found[0])
            rejected = reading.rejections, [*totals.windowless, *totals.unmatched]
            claim(folder, [output])
            # Few file systems let several machines of a cluster write to one file.
            over_copies = None if engine.scheduler else over
            merge(totals.shards, output, division, info, rejected, virtual=virtual, over=over_copies)
        if virtual:
            forget(folder)
            for left in set(folder.iterdir()) - set(totals.shards):
                left.unlink()
        else:
            remove(folder, output)
            if was_virtual:
                clear(shards_folder(output))  # of the file that this one has replaced
    return info


def plan(
    sources: Sequence[str | Path],
    labels: Sequence[str | Path] = (),
    config: PreprocessConfig | None = None,
    *,
    miner: str = "",
    engine: Engine = HERE,
    progress: Progress | None = None,
    selection: Selection | None = None,
    inventory: Sequence[str | Path] = (),
) -> Plan:
    """Read everything and choose the windows, but compute no features and write nothing.

    Raises
    ------
    NothingUsableError, DataError, ConfigError
        As `preprocess_to_file` would.
    """
    config, labels = or_default(config, PreprocessConfig), names("labels", labels)
    engine.get_ready(READY)
    reading = Reading()
    found = find_sources(sources, reading, selection=selection or Selection(), inventory=inventory, engine=engine)
    job = make_job(found, labels, config, reading.rejections, miner=miner, folder=None)
    pieces = list(make_pieces(found, config.link_s, reading.rejections))
    with engine.crew(partial(work, job)) as over:
        totals = make_shards(job, pieces, over, reading.rejections, progress)
    reading.rejections += label_remarks(job, totals.unmatched, totals.records)
    n_labels, n_matched = len(job.labels), len(job.labels) - len(totals.unmatched)
    try:
        division = divide(totals.rows, job.config, totals.covered, totals.excerpted)
    except DataError as error:
        why_not = most_frequent(Counter(reason for *_, reason in totals.unmatched))
        matched = f"; {n_matched} of {counted(n_labels, 'label')} have waveforms" if n_labels else ""
        matched += f": {'; '.join(why_not)}" if why_not else ""
        raise DataError(f"{error}; windows: {_of_classes(totals, job.config.classes)}{matched}") from error
    return Plan(
        classes=job.config.classes,
        sources=tuple(totals.n_windows.items()),
        n_files=len(totals.files),
        n_labels=n_labels,
        n_matched=n_matched,
        unmatched=tuple(totals.unmatched),
        rejected=(*reading.rejections, *totals.rejected, *totals.windowless),
        counts=division.counts,
        how=division.how,
        n_bytes=int(division.counts.sum()) * (4 * int(np.prod(job.feature.shape)) + BYTES_A_ROW)
        + 4 * len(COMPONENTS) * totals.excerpt_samples,
    )


def _finished(output: Path, inputs: str, *, virtual: bool) -> WindowsInfo | None:
    """What describes a finished output, None if its shards are gone; one of other inputs or kind is refused."""
    info, advice = read_info(output, rejected=False), "choose another name, or use overwrite=True"
    if info.attributes.get("inputs_sha256") != inputs:
        raise ConfigError(f"{output} was made from other inputs or settings; {advice}")
    if is_virtual(output) != virtual:
        raise ConfigError(f"{output} was made with{'out' if virtual else ''} virtual=True; {advice}")
    try:
        with FeatureReader(output):
            return info
    except FormatError:
        return None


def _of_classes(totals: Totals, classes: Sequence[str]) -> str:
    n_windows: Counter[int] = Counter()
    for (*_, y, _), n in totals.rows.items():
        n_windows[y] += n
    return ", ".join(f"{name} {n_windows[y]}" for y, name in enumerate(classes))
