"""Real recordings that come with every installation of ObsPy."""

from __future__ import annotations

from pathlib import Path

import obspy

UNTERHACHING = "signal/tests/data/BW.UH?._.?H?.D.2010.147.cut.slist.gz"
"""Four stations, three micro-earthquakes, 2010-05-27; two stations are vertical only, rates are 50 and 100 Hz."""

MONTSERRAT = "io/seisan/tests/data/9701-30-1048-54S.MVO_21_1"
"""Eight stations of the volcano observatory, 1997-01-30; 75.19 Hz, channel codes such as ``SBZ`` and ``S Z``."""


def example_files() -> list[Path]:
    """Those files of ObsPy's own test data that the installation has."""
    root = Path(obspy.__file__).parent
    return [path for pattern in (UNTERHACHING, MONTSERRAT) for path in sorted(root.glob(pattern))]


def write_example_event(path: Path) -> None:
    """Write ``obspy.read()``, a local earthquake on BW.RJOB, as a miniSEED file."""
    obspy.read().write(str(path), format="MSEED", encoding="FLOAT64")
