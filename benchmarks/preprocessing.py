"""Preprocessing against plain ObsPy scripts: windows/s, MB/s, share of the time that is ObsPy's, memory, processes.

``python benchmarks/preprocessing.py [--records 1000] [--days 8] [--rounds 5] [--clock wall] [--processes]``. Synthetic
data are written to a temporary folder: event records of 90 s and station-days, three components at 100 Hz, Steim2
miniSEED. Whatever is compared runs in turns, so that a busy machine slows all alike; medians are printed. On a busy
machine ``--clock processor`` tells more. Two processes are measured in a new interpreter each time, which starts them
before its imports, as ``seisnet preprocess`` does; an even number of days, for of seven one process takes four. Memory
is read from /proc (Linux).

The scripts do with ObsPy alone what their users do:

- read: ``obspy.read``;
- read + band-pass: ``obspy.read``, ``detrend("demean")``, ``filter("bandpass")`` of the whole file;
- per window: read, and for every window of ours ``slice``, ``copy``, ``detrend("linear")``, ``taper``, ``filter`` and
  the logarithm of a spectrogram.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import obspy
from scipy.signal import spectrogram

from seisnet.config import PreprocessConfig
from seisnet.nn import blas_threads
from seisnet.preprocessing.job import preprocess_to_file
from seisnet.store.windows_file import read_rows

RATE_HZ = 100.0
START = obspy.UTCDateTime(2020, 1, 1)
CONFIG = PreprocessConfig(split_by="event")
FEWEST = 10
"""Event records, so that each split gets some."""


def write_records(folder: Path, n: int) -> tuple[Path, Path]:
    """Event records, P at 30 s and S at 40 s, and the CSV of their picks."""
    records = [(f"e{i:05d}", f"S{i % 50:02d}", START + 3600 * i, {f"e{i}": 3000}) for i in range(n)]
    return write(folder / "events", records, 9000, np.random.default_rng(0))


def write_days(folder: Path, n_days: int, n_events: int = 100) -> tuple[Path, Path]:
    """Station-days with an event every quarter of an hour, and the CSV of their picks."""
    days = [
        (f"day{day}", "DAY", START + 86_400 * day, {f"{day}.{i}": (i + 1) * 84_000 for i in range(n_events)})
        for day in range(n_days)
    ]
    return write(folder / f"days{n_days}", days, 8_640_000, np.random.default_rng(1))


def write(
    folder: Path, records: list[tuple[str, str, obspy.UTCDateTime, dict[str, int]]], n: int, rng: np.random.Generator
) -> tuple[Path, Path]:
    """Files of n samples, with a name, station, start and the samples of events; and the CSV of their picks."""
    folder.mkdir(exist_ok=True)
    lines = ["network,station,time,phase,event_id"]
    for name, station, start, events in records:
        write_stream(folder / f"{name}.mseed", station, start, earthquake(rng, n, list(events.values())))
        for event, onset in events.items():
            p = start + onset / RATE_HZ
            lines += [f"XX,{station},{p},P,{event}", f"XX,{station},{p + 10},S,{event}"]
    labels = folder.with_suffix(".csv")
    labels.write_text("\n".join(lines) + "\n")
    return folder, labels


def earthquake(rng: np.random.Generator, n: int, onsets: list[int]) -> np.ndarray:
    """Counts (3, n): noise, and decaying bursts after the onsets."""
    data = rng.normal(size=(3, n)) * 30
    for onset in onsets:
        length = min(6000, n - onset)
        data[:, onset : onset + length] += rng.normal(size=(3, length)) * 2000 * np.exp(-np.arange(length) / 1500)
    return data.astype(np.int32)


def write_stream(path: Path, station: str, start: obspy.UTCDateTime, data: np.ndarray) -> None:
    header = {"network": "XX", "station": station, "starttime": start, "sampling_rate": RATE_HZ}
    traces = [obspy.Trace(row, {**header, "channel": f"HH{c}"}) for c, row in zip("ZNE", data, strict=True)]
    obspy.Stream(traces).write(str(path), format="MSEED", encoding="STEIM2")


def read(files: list[Path]) -> None:
    for path in files:
        obspy.read(str(path))


def read_and_filter(files: list[Path]) -> None:
    for path in files:
        stream = obspy.read(str(path))
        stream.detrend("demean")
        stream.filter("bandpass", freqmin=CONFIG.freqmin_hz, freqmax=CONFIG.freqmax_hz)


def per_window(starts: dict[Path, list[obspy.UTCDateTime]]) -> None:
    """The loop that scripts have."""
    n, hop = CONFIG.frame_samples, CONFIG.hop_samples
    for path, of_windows in starts.items():
        stream = obspy.read(str(path))
        for start in of_windows:
            window = stream.slice(start, start + CONFIG.window_s - 1 / RATE_HZ).copy()
            window.detrend("linear")
            window.taper(0.05)
            window.filter("bandpass", freqmin=CONFIG.freqmin_hz, freqmax=CONFIG.freqmax_hz)
            data = np.stack([trace.data for trace in window])
            power = spectrogram(data, RATE_HZ, nperseg=n, noverlap=n - hop)[2]
            feature = np.log(power + 1e-10)
            feature = (feature - feature.mean()) / feature.std()


def starts_of(files: list[Path], output: Path, limit: int) -> dict[Path, list[obspy.UTCDateTime]]:
    """Starts of the windows of a windows file by the file they lie in."""
    rows = read_rows(output, features=False)
    of_station: dict[str, list[int]] = {}
    for trace_id, start_ns in zip(rows.trace_id, rows.start_ns.tolist(), strict=True):
        of_station.setdefault(trace_id.split(".")[1], []).append(start_ns)
    found = {}
    for path in files:
        stats = obspy.read(str(path), headonly=True)[0].stats
        low, high = stats.starttime.ns, stats.endtime.ns
        here = [ns for ns in of_station.get(stats.station, []) if low <= ns <= high][:limit]
        found[path] = [obspy.UTCDateTime(ns=ns) for ns in here]
    return found


Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "processor": time.process_time}


def in_turns(jobs: dict[str, Callable[[], None]], rounds: int, clock: Clock) -> dict[str, float]:
    """Median seconds of every job."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            start = clock()
            job()
            seconds[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def compare(title: str, found: tuple[Path, Path], folder: Path, rounds: int, sample: int, clock: Clock) -> None:
    """Time ours against the scripts on one kind of data."""
    files, labels = sorted(found[0].iterdir()), found[1]
    output = folder / "windows.h5"

    def ours() -> None:
        preprocess_to_file([str(found[0])], [str(labels)], CONFIG, output=output, overwrite=True)

    ours()
    made = read_rows(output, features=False)
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    starts = starts_of(files[:sample], output, limit=200)
    n_loop = sum(map(len, starts.values()))
    seconds = in_turns(
        {
            "read": lambda: read(files),
            "read + band-pass": lambda: read_and_filter(files),
            "per window": lambda: per_window(starts),
            "seisnet": ours,
        },
        rounds,
        clock,
    )
    n = len(made.y)
    ours_s, read_s, filter_s = seconds["seisnet"], seconds["read"], seconds["read + band-pass"]
    loop_rate = n_loop / seconds["per window"]
    print(f"{title}: {len(files)} files, {megabytes:.1f} MB, {n} windows")
    print(f"  seisnet          {ours_s:7.2f} s  {n / ours_s:8.0f} windows/s  {megabytes / ours_s:6.1f} MB/s")
    print(f"  obspy read       {read_s:7.2f} s  {read_s / ours_s:.2f} of seisnet's time")
    print(f"  read + band-pass {filter_s:7.2f} s  seisnet takes {ours_s / filter_s:.2f} times as long")
    print(f"  seisnet less one reading: {(ours_s - read_s) / filter_s:.2f} of read + band-pass")
    print(f"  per-window loop  {loop_rate:8.0f} windows/s; seisnet makes {n / ours_s / loop_rate:.1f} times as many")


PROCESSES = """
import sys, time
from pathlib import Path
from seisnet.engine import READY, Engine
if __name__ == "__main__":
    marks, engine = [time.perf_counter()], Engine(int(sys.argv[4]))
    engine.get_ready(READY)
    from seisnet.preprocessing import job as preprocessing
    from seisnet.config import PreprocessConfig
    make = preprocessing.make_shards
    def make_shards(*arguments):
        marks.append(time.perf_counter())
        totals = make(*arguments)
        marks.append(time.perf_counter())
        return totals
    preprocessing.make_shards = make_shards
    marks.append(time.perf_counter())
    options = {"output": Path(sys.argv[3]), "overwrite": True, "engine": engine}
    preprocessing.preprocess_to_file([sys.argv[1]], [sys.argv[2]], PreprocessConfig(split_by="event"), **options)
    marks.append(time.perf_counter())
    # By the clock: imports, planning, shards, merging.
    print(*(b - a for a, b in zip(marks, marks[1:])))
"""


def processes(title: str, found: tuple[Path, Path], folder: Path, rounds: int) -> None:
    """Two processes against one, by the clock, and how many times as fast they were if shards took half the time.

    How much two processes slow each other down, by caches and memory that they share, two runs of one process tell.
    """
    script = folder / "processes.py"
    script.write_text(PROCESSES)

    def run(jobs: int, *outputs: str) -> list[list[float]]:
        """What runs that start together tell."""
        commands = [[sys.executable, script, found[0], found[1], folder / name, jobs] for name in outputs]
        started = [subprocess.Popen(list(map(str, c)), stdout=subprocess.PIPE, text=True) for c in commands]
        return [[float(value) for value in process.communicate()[0].split()] for process in started]

    told: dict[int, list[list[float]]] = {1: [], 2: []}
    beside: list[float] = []
    for _ in range(rounds):
        for jobs, values in told.items():
            values.extend(run(jobs, f"{jobs}.h5"))
        beside.append(statistics.mean(sum(values[1:]) for values in run(1, "a.h5", "b.h5")) / sum(told[1][-1][1:]))
    one, two = ([statistics.median(column) for column in zip(*told[jobs], strict=True)] for jobs in (1, 2))
    same = (folder / "1.h5").read_bytes() == (folder / "2.h5").read_bytes()
    for what, first in (("with imports", 0), ("after imports", 1)):
        of_one, of_two = (statistics.median(sum(values[first:]) for values in told[jobs]) for jobs in (1, 2))
        print(f"{title}, {what}: one process takes {of_one:.2f} s, two {of_two:.2f} s: {of_one / of_two:.2f} times")
    for name, steps in (("one process", one), ("two", two)):
        told_s = ", ".join(
            f"{step} {s:.2f}" for step, s in zip(("imports", "planning", "shards", "merging"), steps, strict=True)
        )
        print(f"  seconds of {name}: {told_s}")
    most = sum(one[1:]) / (two[1] + one[2] / 2 + two[3])
    print(f"  after imports at most {most:.2f} times, if shards took half the time")
    slower = statistics.median(beside)
    print(f"  two runs of one process, side by side, take {slower:.2f} times as long as one alone: what has nothing to")
    print(f"  share and nothing to wait for is {2 / slower:.2f} times as fast on this machine")
    print(f"  the same bytes: {same}")


MEMORY = """
import re, sys
from pathlib import Path
from seisnet.config import PreprocessConfig
from seisnet.preprocessing.job import preprocess_to_file
files = sorted(str(p) for p in Path(sys.argv[1]).iterdir())[: int(sys.argv[4])]
preprocess_to_file(files, [sys.argv[2]], PreprocessConfig(split_by="event"), output=Path(sys.argv[3]), overwrite=True)
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def memory(found: tuple[Path, Path], folder: Path) -> None:
    """Peak resident memory of a process of its own, by the number of sources."""
    n = len(list(found[0].iterdir()))
    for count in sorted({max(FEWEST, n // 10), max(FEWEST, n // 3), n}):
        command = [sys.executable, "-c", MEMORY, found[0], found[1], folder / "memory.h5", count]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        print(f"memory: {count:5d} sources: peak {int(done.stdout) / 1024:.0f} MB")


def one_file(found: tuple[Path, Path], folder: Path) -> None:
    """Peak resident memory by the number of days that stand in one file."""
    days = sorted(found[0].iterdir())
    for count in sorted({1, max(1, len(days) // 4), len(days)}):
        inside = folder / f"one{count}"
        inside.mkdir()
        with (inside / "all.mseed").open("wb") as file:
            for day in days[:count]:
                file.write(day.read_bytes())
        size = (inside / "all.mseed").stat().st_size / 1e6
        command = [sys.executable, "-c", MEMORY, inside, found[1], folder / "memory.h5", 1]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        print(f"memory: {count:3d} days in one file of {size:.0f} MB: peak {int(done.stdout) / 1024:.0f} MB")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1000, help=f"event records, {FEWEST} or more")
    parser.add_argument("--days", type=int, default=8, help="station-days")
    parser.add_argument("--rounds", type=int, default=5, help="times that all is measured")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="what is told: time of the wall, or of the processor"
    )
    parser.add_argument("--processes", action="store_true", help="only two processes against one")
    options = parser.parse_args()
    if options.records < FEWEST or min(options.days, options.rounds) < 1:
        parser.error(f"--records must be {FEWEST} or more, --days and --rounds 1 or more")
    with tempfile.TemporaryDirectory() as name, blas_threads(1):
        folder = Path(name)
        clock = CLOCKS[options.clock]
        events = write_records(folder, options.records)
        day, days = write_days(folder, 1), write_days(folder, options.days)
        if not options.processes:
            compare("event records", events, folder, options.rounds, sample=20, clock=clock)
            compare("station-day", day, folder, options.rounds, sample=1, clock=clock)
        processes("event records", events, folder, options.rounds)
        processes(f"{options.days} station-days", days, folder, options.rounds)
        if not options.processes:
            memory(events, folder)
            one_file(days, folder)


if __name__ == "__main__":
    main()
