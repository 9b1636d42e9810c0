"""Records of traces, conditioned to 100 Hz, and their samples by number."""

import obspy

from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.records import NS_PER_S

START_NS = 1_577_836_800 * NS_PER_S
STEP_NS = NS_PER_S // 100


def records_of(*traces, sampling_rate_hz=100.0, shortest_s=1.0):
    return condition(obspy.Stream(traces), sampling_rate_hz=sampling_rate_hz, shortest_s=shortest_s)


def ns_to_index(ns):
    return round((ns - START_NS) / STEP_NS)
