"""What a job writes, and a record of what it was made of: resuming a finished run does nothing, or says what differs.

The record is a hidden file beside the output, because formats of picks have no place for it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seisnet import __version__
from seisnet.classification.one_source import SourceJob
from seisnet.classification.parts import model_sha256, parts_folder
from seisnet.config import nearest
from seisnet.errors import ConfigError
from seisnet.formats.picks import FORMATS, check_detections_format
from seisnet.formats.probabilities import check_name
from seisnet.store.files import FOLDER, check_not_read, check_output, size_and_age, write_whole
from seisnet.store.work_folder import check_place
from seisnet.waveforms.sources import Source

IN_REPORT = {
    "picks.csv": "csv", "picks.xml": "quakeml", "detections.csv": "csv", "detections.xml": "quakeml",
    "report.html": "", "metrics.json": "", "figures": "",
}  # fmt: skip
"""What a report has in its folder; the format where it is what `classify` writes, too."""

OTHER_TASK = {"phase": ("detections.csv", "detections.xml"), "class": ("picks.csv", "picks.xml")}
"""By a model's task, what its report does not have: such files are of the report that it replaces."""


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
    report : Path or None
        Folder of the report, which the caller writes.
    """

    path: Path
    file_format: str = "csv"
    probabilities: Path | None = None
    report: Path | None = None

    def check(self, *, resume: bool = False, overwrite: bool = False, reads: Sequence[Path] = ()) -> None:
        """Refuse, before any work is done, names and formats that can't be written.

        Raises
        ------
        ConfigError
            For an unknown format, a file that exists and may not, one place for two outputs, or one of the files that
            the job reads beside its sources; or as `seisnet.store.work_folder.check_place`.
        """
        endings = FOLDER if self.file_format == "real" else None
        if self.file_format not in FORMATS:
            raise ConfigError(f"unknown format '{self.file_format}'{nearest(self.file_format, FORMATS)}")
        check_place(self.path, parts_folder(self.path), endings, resume=resume, overwrite=overwrite)
        if self.probabilities:
            check_name(self.probabilities)
            if _same(self.probabilities, self.path):
                raise ConfigError(f"{self.path}: picks and probabilities need separate files")
            check_output(self.probabilities, overwrite=resume or overwrite)
        self._check_report()
        for path in filter(None, (self.path, self.probabilities)):
            check_not_read(path, reads)

    def _check_report(self) -> None:
        """Refuse what the report would replace, or lie in the place of; what it writes alike may be its own."""
        if not self.report:
            return
        files = [self.probabilities] if self.probabilities else []
        files += [] if self.file_format == "real" else [self.path]
        if any(_same(path, self.report) for path in files):
            raise ConfigError(f"{self.report}: a report needs a folder of its own; choose another name")
        if self._in_report and IN_REPORT.get(self.path.name.casefold(), self.file_format) != self.file_format:
            raise ConfigError(f"{self.path}: the report writes a file of that name; choose another name")

    @property
    def paths(self) -> list[Path]:
        """All that is written."""
        return [path for path in (self.path, self.probabilities, self.report) if path]

    @property
    def _in_report(self) -> bool:
        return self.report is not None and _same(self.path.absolute().parent, self.report)

    def check_task(self, task: str) -> None:
        """Refuse what can't hold, or does not stay beside the report of, what a model of this task finds.

        Raises
        ------
        ConfigError
            For the format, or the name.
        """
        if task == "class":
            check_detections_format(self.file_format)
        if self._in_report and self.path.name.casefold() in OTHER_TASK[task]:
            raise ConfigError(f"{self.path}: in a report that is the name for another task's; choose another name")

    def check_sources(self, sources: Sequence[Source]) -> None:
        """Refuse to replace what sources read.

        Raises
        ------
        ConfigError
            If an output is a file that is read.
        """
        for path in filter(None, (self.path, self.probabilities)):
            check_not_read(path, (file for source in sources for file in source.reads))


def _same(path: Path, other: Path) -> bool:
    """Whether two paths name one place, whether anything is there or not; on some systems case makes no difference."""
    return os.path.realpath(path).casefold() == os.path.realpath(other).casefold()


def is_finished(output: Output, of: dict[str, Any]) -> bool:
    """Whether all of an output that a run has made is there; it was made of this, see `made_of`.

    Raises
    ------
    ConfigError
        If it was made of something else, or not by a finished run.
    """
    path, advice = output.path, "choose another name, or use overwrite=True"
    try:
        made = json.loads(_made_file(path).read_text(encoding="utf-8"))
        made_once, stamps = made["of"], made["stamps"]
    except (OSError, ValueError, KeyError, TypeError):
        made_once, stamps = {}, None
    if stamps != _stamps(path):
        raise ConfigError(f"{path} is not what a finished run left, so it can't be resumed; {advice}")
    if differs := [name for name in of if of[name] != made_once.get(name)]:
        raise ConfigError(f"{path} was made with other {', '.join(differs)}; {advice}")
    report = output.report and output.report / "report.html"  # whose folder is made before there is anything in it
    return all(other.exists() for other in (output.probabilities, report) if other)


def failures(path: Path) -> list[str]:
    """What went wrong when a finished output was made, where another try may succeed."""
    failed: list[str] = json.loads(_made_file(path).read_text(encoding="utf-8")).get("failed", [])
    return list(dict.fromkeys(failed))  # several sources may read a file


def write_finished(path: Path, of: dict[str, Any], failed: Sequence[str] = ()) -> None:
    """Record what an output that has just been written was made of, see `made_of`, and what `failures` will tell.

    Raises
    ------
    DataError
        If it can't be written.
    """
    write_whole(_made_file(path), json.dumps({"of": of, "stamps": _stamps(path), "failed": failed}).encode())


def made_of(sources: Sequence[Source], job: SourceJob, output: Output) -> dict[str, Any]:
    """All that an output depends on, as plain values, by the names that a user knows.

    It is called before anything is read, so that a file that grows during a run has changed for the next one.
    """
    read = json.dumps([[repr(source), source.stamps] for source in sources])
    made = {
        "sources or station metadata (or their files have changed)": hashlib.sha256(read.encode()).hexdigest(),
        "model": model_sha256(job.model),
        **asdict(job.settings),
        "format": output.file_format,
        "probabilities": str(output.probabilities and output.probabilities.absolute()),
        "report": str(output.report and output.report.absolute()),
        "views": job.most_views,
        "version of seisnet": __version__,
    }
    plain: dict[str, Any] = json.loads(json.dumps(made))
    return plain


def _made_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.made")


def _stamps(path: Path) -> list[list[Any]]:
    """Name, size and age of an output, or of all files in it."""
    return [[p.name, *size_and_age(p)] for p in (sorted(path.iterdir()) if path.is_dir() else [path])]
