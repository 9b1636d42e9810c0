"""Memory of a process, as /proc says it (Linux)."""

from __future__ import annotations

import re
from pathlib import Path


def memory_mb(what: str = "VmHWM") -> float:
    """Resident memory: ``VmHWM``, the most so far, or ``VmRSS``, now.

    What `getrusage` says begins with the memory of the process that started this one.
    """
    [kilobytes] = re.findall(rf"{what}:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(kilobytes) / 1024
