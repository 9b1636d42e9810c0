"""How many stations one core keeps up with, and how long after their onsets picks come.

    python benchmarks/stream.py [--model phase] [--stations 100] [--minutes 20] [--packet 1 4]

Stations of three components at 100 Hz, with an earthquake every 92 s, whose packets arrive as soon as they are full,
those of all stations at once; `Model.stream` on one thread, without a network. The picks must be those of a scan of the
whole. What it costs to receive and decode a packet (`seisnet stream`, ObsPy), 0.1 ms, is not among the figures. Prints
Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
import obspy
from memory import memory_mb
from recordings import RATE_HZ, START, recording

from seisnet.cli import in_one_line
from seisnet.model import Model, load_model
from seisnet.waveforms.records import NS_PER_S

EVERY_S = 91.7
"""From one earthquake to the next; no multiple of a packet, so that onsets lie anywhere in these."""

SIZES = (0.6, 2.0, 6.0, 20.0)


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
    whole = recording(arguments.minutes * 60.0, every_s=EVERY_S, sizes=SIZES)
    print("| stations | packets, s | processor s an hour of one | stations in real time | delay of picks, s | memory |")
    print("|---|---|---|---|---|---|")
    for packet_s in arguments.packet:
        for n_stations in arguments.stations:
            measure(model, whole, n_stations, packet_s)


def packets(whole: obspy.Stream, n_stations: int, packet_s: float) -> Iterator[obspy.Trace]:
    """Packets in order of their ends."""
    size = round(packet_s * RATE_HZ)
    for at in range(0, len(whole[0].data), size):
        for station in range(n_stations):
            for trace in whole:
                header = {**trace.stats, "station": f"S{station:03d}", "starttime": START + at / RATE_HZ}
                header.pop("npts")
                yield obspy.Trace(trace.data[at : at + size], header=header)


def measure(model: Model, whole: obspy.Stream, n_stations: int, packet_s: float) -> None:
    expected = [(pick.time_ns, pick.phase, pick.probability) for pick in model.classify(whole)]
    streaming, found, delays_s, processor_s = model.stream(), [], [], 0.0
    for packet in packets(whole, n_stations, packet_s):
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
    hours = n_stations * len(whole[0].data) / RATE_HZ / 3600
    least, median, most = np.percentile(delays_s, [0, 50, 100])
    print(
        f"| {n_stations} | {packet_s:g} | {processor_s / hours:.1f} | {3600 * hours / processor_s:.0f} "
        f"| {least:.1f}, median {median:.1f}, at most {most:.1f} | {memory_mb('VmRSS'):.0f} MB |",
        flush=True,
    )


if __name__ == "__main__":
    with in_one_line("stream"):
        main()
