"""A whole windows file in memory: what training and evaluation read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seisnet.errors import ConfigError
from seisnet.store.excerpts import Excerpt, read_excerpts
from seisnet.store.files import path_of
from seisnet.store.windows_file import SPLITS, WindowRows, WindowsInfo, read_info, read_rows


@dataclass(frozen=True, eq=False)
class Windows:
    """A windows file in memory."""

    info: WindowsInfo
    rows: WindowRows
    excerpts: tuple[Excerpt, ...] = ()

    def __repr__(self) -> str:
        """Say how many there are, not all of them."""
        counts = ", ".join(f"{np.count_nonzero(self.rows.split == k)} {name}" for k, name in enumerate(SPLITS))
        return f"Windows({counts}, {len(self.excerpts)} excerpts, classes {' '.join(self.info.classes)})"

    def split(self, name: str) -> WindowRows:
        """Rows of ``train``, ``dev`` or ``test``.

        Raises
        ------
        ConfigError
            For another name.
        """
        if name not in SPLITS:
            raise ConfigError(f"split: got {name!r}; known: {', '.join(SPLITS)}")
        return self.rows.take(self.rows.split == SPLITS.index(name))


def read_windows(path: str | Path) -> Windows:
    """Read a whole windows file.

    Raises
    ------
    FormatError
        If it is not one, or is damaged.
    ConfigError
        If the path is none.
    """
    path = path_of("path", path)
    return Windows(read_info(path), read_rows(path), tuple(read_excerpts(path)))
