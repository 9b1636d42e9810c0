"""Files and folders that names and patterns lead to."""

from __future__ import annotations

import glob
import re
from pathlib import Path

from seisnet.errors import DataError, NothingUsableError

NOT_WAVEFORMS = {".csv", ".xml", ".json", ".toml", ".md", ".html", ".py", ".png", ".pdf", ".h5", ".hdf5"}
"""Endings passed over when a folder is read; .txt may hold ASCII waveforms. A file that the user names is tried."""

NAMELESS = re.compile(r"\.[A-Za-z0-9]+\.\w{0,2}\.[A-Z0-9]{1,3}(\.[\w.]*)?")
"""Name of a recording without network, ``.STA.LOC.CHA.mseed``. Others that begin with a dot are hidden files, such as
those that macOS and rsync put beside ``NET.STA.LOC.CHA.mseed``."""


def matches(spec: str) -> list[Path]:
    """Files and folders that a name stands for: the one of that very name, or else those that it matches as a glob."""
    if Path(spec).exists():
        return [Path(spec)]
    names = sorted(glob.glob(spec, recursive=True))  # noqa: PTH207 - patterns may be absolute
    if not names:
        raise DataError(f"{spec}: {'nothing matches' if glob.has_magic(spec) else 'no such file or folder'}")
    return [Path(name) for name in names]


def waveform_files(path: Path) -> list[Path]:
    """A file, or the waveform files of a folder."""
    if not path.is_dir():
        return [path]
    # A broken link, perhaps to a disk that is not mounted, is reported when it is read.
    files = (p for p in sorted(path.rglob("*")) if p.is_file() or (p.is_symlink() and not p.exists()))
    visible = (p for p in files if not p.name.startswith(".") or NAMELESS.fullmatch(p.name))
    waveforms = [p for p in visible if p.suffix.lower() not in NOT_WAVEFORMS]
    if not waveforms:
        raise NothingUsableError(
            f"{path}: the folder holds no waveform files and is not a data set in the SeisBench or STEAD layout"
        )
    return waveforms
