"""Preprocessing of many day files of one station with very many picks: seconds, size of the shards, peak memory.

``python benchmarks/archive.py [--days 3650] [--picks 100000] [--plan]``. Synthetic noise at 1 Hz, a file a day, without
gaps; half of the picks are P, half S, a twentieth lie before the first file. Each day becomes a shard, as files of a
day at 100 Hz do. ``--plan`` does what ``seisnet preprocess --dry-run`` does. Memory is read from /proc (Linux).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import obspy
from memory import memory_mb

from seisnet.cli import in_one_line
from seisnet.config import PreprocessConfig
from seisnet.preprocessing import planning
from seisnet.preprocessing.job import plan, preprocess_to_file

START = obspy.UTCDateTime(2010, 1, 1)
DAY_S = 86_400
CONFIG = PreprocessConfig(
    sampling_rate_hz=1.0, window_s=30.0, frame_s=10.0, hop_s=5.0, freqmin_hz=0.1, freqmax_hz=0.4, split_by="event",
    noise_ratio=0.0,
)  # fmt: skip


def write(folder: Path, n_days: int, n_picks: int) -> tuple[Path, Path]:
    """The day files, and the CSV of the picks."""
    rng = np.random.default_rng(0)
    files, labels = folder / "days", folder / "picks.csv"
    files.mkdir()
    for day in range(n_days):
        header = {"network": "XX", "station": "A", "channel": "LHZ", "starttime": START + DAY_S * day}
        trace = obspy.Trace(rng.integers(-15, 16, DAY_S).astype(np.int32), header)
        trace.write(str(files / f"{day:05d}.mseed"), format="MSEED", encoding="STEIM2", reclen=4096)
    lines = ["network,station,time,phase,event_id"]
    for i, at in enumerate(np.sort(rng.uniform(-n_days / 20, n_days, n_picks // 2)) * DAY_S):
        lines += [f"XX,A,{START + at},P,e{i}", f"XX,A,{START + at + 45},S,e{i}"]
    labels.write_text("\n".join(lines) + "\n")
    return files, labels


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=3650, help="day files")
    parser.add_argument("--picks", type=int, default=100_000, help="in all")
    parser.add_argument("--plan", action="store_true", help="only plan")
    options = parser.parse_args()
    if options.days < 1 or options.picks < 2:
        parser.error("--days must be 1 or more, --picks 2 or more")
    planning.PIECE_SOURCES = 1
    with tempfile.TemporaryDirectory() as name:
        files, labels = write(Path(name), options.days, options.picks)
        start = time.perf_counter()
        if options.plan:
            plan([files], [labels], CONFIG)
            told = "planned"
        else:
            preprocess_to_file([files], [labels], CONFIG, output=Path(name) / "w.h5", virtual=True)
            shards = [path.stat().st_size for path in (Path(name) / "w.h5.shards").iterdir()]
            told = f"made, {len(shards)} shards of {sum(shards) / 1e6:.0f} MB"
        seconds = time.perf_counter() - start
    print(f"{options.days} days, {options.picks} picks: {told} in {seconds:.1f} s, peak {memory_mb():.0f} MB")


if __name__ == "__main__":
    with in_one_line("archive"):
        main()
