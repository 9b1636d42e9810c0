"""Records of miniSEED, as ObsPy writes them."""

import io
import itertools

import numpy as np
import obspy

START = obspy.UTCDateTime(2020, 2, 28, 23, 59, 58, 123456)


def packed(start, n=2000, *, channel="HHZ", rate_hz=100.0, length=512, encoding="STEIM2", quality="D", **options):
    """Records of one trace."""
    data = np.random.default_rng(n).integers(-5000, 5000, n)
    data = data.astype(np.float32 if encoding == "FLOAT32" else np.int32)
    header = {"network": "XX", "station": "AB", "channel": channel, "starttime": start, "sampling_rate": rate_hz}
    header["mseed"] = {"dataquality": quality}
    with io.BytesIO() as file:
        obspy.Trace(data, header).write(file, format="MSEED", encoding=encoding, reclen=length, **options)
        whole = file.getvalue()
    return [whole[at : at + length] for at in range(0, len(whole), length)]


def records_late_by(late_ns, qualities, channels, rates_hz=(100.0,), byteorder=">"):
    """Records of 40 samples that count on, each so much later than the channel's one before says; and their times."""
    records, times_ns, next_ns = [], [], {}
    for late, quality, channel, rate_hz in zip(late_ns, qualities, channels, itertools.cycle(rates_hz), strict=False):
        times_ns.append(next_ns.get(channel, START.ns) + late)
        next_ns[channel] = times_ns[-1] + 400_000_000
        header = {"starttime": obspy.UTCDateTime(ns=times_ns[-1]), "sampling_rate": rate_hz, "channel": channel}
        with io.BytesIO() as file:
            samples = np.arange(40, dtype=np.int32) + 40 * len(records)
            trace = obspy.Trace(samples, header | {"mseed": {"dataquality": quality}})
            trace.write(file, format="MSEED", reclen=256, byteorder=byteorder)
            records.append(file.getvalue())
    return records, np.array(times_ns)
