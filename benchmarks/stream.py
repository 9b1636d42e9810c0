"""How many stations one core keeps up with, and how long after their onsets picks come.

    python benchmarks/stream.py [--model phase] [--stations 100] [--minutes 20] [--packet 1 4]

Stations of three components at 100 Hz, whose packets arrive as soon as they are full, those of all stations at once;
`Model.stream` on one thread, without a network. The picks must be those of a scan of the whole. What it costs to
receive and decode a packet (`seisnet stream`, ObsPy), 0.1 ms, is not among the figures. Prints Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import obspy

from seisnet.cli import in_one_line
from seisnet.model import Model, load_model
from seisnet.waveforms.records import NS_PER_S

RATE_HZ = 100.0
START = obspy.UTCDateTime(2020, 1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="phase", help="shipped, or a file")
    parser.add_argument("--stations", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--packet", type=float, nargs="+", default=[1.0, 4.0], help="length of packets in seconds")
    arguments = parser.parse_args()
    if arguments.minutes < 4 or min(arguments.stations) < 1 or min(arguments.packet) < 0.01:
        parser.error("--minutes must be 4 or more, so that there are picks, --stations 1 and --packet 0.01 or more")
    model = load_model(arguments.model)
    recording = seismograms(arguments.minutes)
    print("| stations | packets, s | processor s an hour of one | stations in real time | delay of picks, s | memory |")
    print("|---|---|---|---|---|---|")
    for packet_s in arguments.packet:
        for n_stations in arguments.stations:
            measure(model, recording, n_stations, packet_s)


def seismograms(minutes: float) -> obspy.Stream:
    """Noise, and a P and an S every one to two minutes, of many sizes."""
    rng = np.random.default_rng(0)
    n = round(minutes * 60 * RATE_HZ)
    time_s = np.arange(n) / RATE_HZ
    stream = obspy.Stream()
    onsets_s = np.cumsum(rng.uniform(60, 120, round(minutes)))
    for letter, shares in (("Z", (1.0, 0.8)), ("N", (0.4, 2.5)), ("E", (0.4, 2.5))):
        samples = rng.normal(size=n) * 30 + np.convolve(rng.normal(size=n), np.ones(200), "same") * 20
        for k, onset_s in enumerate(onsets_s):
            for late_s, share in zip((0.0, 3.0 + 2 * (k % 5)), shares, strict=True):
                since_s = np.maximum(time_s - onset_s - late_s, 0)
                shaking = np.minimum(since_s / 0.05, 1) * np.exp(-since_s / 5) * np.sin(2 * np.pi * 6 * since_s)
                samples += 10 ** (2.5 + k % 4 / 2) * share * shaking * (1 + 0.5 * rng.normal(size=n))
        header = {"network": "XX", "channel": f"HH{letter}", "sampling_rate": RATE_HZ, "starttime": START}
        stream.append(obspy.Trace(samples.astype(np.int32), header=header))
    return stream


def packets(recording: obspy.Stream, n_stations: int, packet_s: float) -> Iterator[obspy.Trace]:
    """Packets in order of their ends."""
    size = round(packet_s * RATE_HZ)
    for at in range(0, len(recording[0].data), size):
        for station in range(n_stations):
            for trace in recording:
                header = {**trace.stats, "station": f"S{station:03d}", "starttime": START + at / RATE_HZ}
                header.pop("npts")
                yield obspy.Trace(trace.data[at : at + size], header=header)


def measure(model: Model, recording: obspy.Stream, n_stations: int, packet_s: float) -> None:
    expected = [(pick.time_ns, pick.phase, pick.probability) for pick in model.classify(recording)]
    streaming, found, delays_s, processor_s = model.stream(), [], [], 0.0
    for packet in packets(recording, n_stations, packet_s):
        start = time.process_time()
        picks = streaming.add(packet)
        processor_s += time.process_time() - start
        arrived_ns = packet.stats.endtime.ns
        delays_s += [(arrived_ns - pick.time_ns) / NS_PER_S for pick in picks]
        found += picks
    found += streaming.finish()
    for station in {pick.station for pick in found}:
        of_one = [(pick.time_ns, pick.phase, pick.probability) for pick in found if pick.station == station]
        if of_one != expected:
            raise SystemExit(f"station {station}: {len(of_one)} picks, which are not the {len(expected)} of a scan")
    hours = n_stations * len(recording[0].data) / RATE_HZ / 3600
    least, median, most = np.percentile(delays_s, [0, 50, 100])
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    print(
        f"| {n_stations} | {packet_s:g} | {processor_s / hours:.1f} | {3600 * hours / processor_s:.0f} "
        f"| {least:.1f}, median {median:.1f}, at most {most:.1f} | {int(line.split()[1]) / 1024:.0f} MB |",
        flush=True,
    )


if __name__ == "__main__":
    with in_one_line("stream"):
        main()
