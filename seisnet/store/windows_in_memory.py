"""A whole windows file in memory: what training and evaluation read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seisnet.store.excerpts import Excerpt, read_excerpts
from seisnet.store.windows_file import SPLITS, WindowRows, WindowsInfo, read_info, read_rows


@dataclass(frozen=True)
class Windows:
    """A windows file in memory."""

    info: WindowsInfo
    rows: WindowRows
    excerpts: tuple[Excerpt, ...] = ()

    def split(self, name: str) -> WindowRows:
        """Rows of ``train``, ``dev`` or ``test``."""
        return self.rows.take(self.rows.split == SPLITS.index(name))


def read_windows(path: str | Path) -> Windows:
    """Read a whole windows file.

    Raises
    ------
    FormatError
        If it is not one, or is damaged.
    """
    return Windows(read_info(Path(path)), read_rows(Path(path)), tuple(read_excerpts(path)))
