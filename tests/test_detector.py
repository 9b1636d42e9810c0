"""Stretches of a class: worked by hand, the same in pieces, put together at borders."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.config import PickConfig
from seisnet.picking.detector import Detector, joined_detections, reaching
from seisnet.picks import Detection
from seisnet.scan.scanner import Probabilities

CONFIG = PickConfig(min_distance_s=2.0)
HOP_NS = 1_000_000_000


def probabilities(rockfall, start=0):
    values = np.array([rockfall, 1 - np.array(rockfall)], dtype=np.float32)
    dead = np.zeros(len(rockfall), np.bool_)
    return Probabilities(values, start * HOP_NS, HOP_NS, ("rockfall", "noise"), "GE.APE..HH", dead)


def detect(pieces):
    detector, start, found = Detector({"rockfall": 0.6}, config=CONFIG, model="m"), 0, []
    for i, piece in enumerate(pieces):
        found += detector.add(probabilities(piece, start), last=i == len(pieces) - 1)
        start += len(piece)
    return found


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0, 0.2, 0.4, 0.7, 0.4, 0.2], [(2, 4, 0.7)]),  # from half the threshold on
        ([0, 0.5, 0.5, 0], []),  # never reaches it
        ([0.9, 0, 0.7, 0], [(0, 2, 0.9)]),  # two seconds apart: one
        ([0.9, 0, 0, 0.7, 0], [(0, 0, 0.9), (3, 3, 0.7)]),
        ([0.9, 0, 0.4, 0, 0, 0], [(0, 2, 0.9)]),
        ([], []),
    ],
)
def test_stretches_worked_by_hand(row, expected):
    found = [(d.start_ns // HOP_NS, d.end_ns // HOP_NS, round(d.probability, 6)) for d in reaching(detect([row]))]
    assert found == expected


def test_nothing_is_detected_where_there_is_no_signal():
    """Without a class of noise all classes are equally probable there."""
    quake = np.array([0.9, 0.5, 0.5, 0.5, 0.5, 0.9, 0.1], dtype=np.float32)
    values, classes = np.stack([quake, 1 - quake]), ("quake", "blast")
    found = Probabilities(values, 0, HOP_NS, classes, "GE.APE..HH", dead=quake == 0.5)
    detector = Detector({"quake": 0.5, "blast": 0.5}, config=CONFIG, model="m")
    spans = [(d.label, d.start_ns // HOP_NS, d.end_ns // HOP_NS) for d in detector.add(found, last=True)]
    assert spans == [("quake", 0, 0), ("quake", 5, 5), ("blast", 6, 6)]


@given(
    row=st.lists(st.sampled_from([0.0, 0.3, 0.4, 0.6, 0.9]), min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=5),
)
@settings(max_examples=60)
def test_pieces_give_what_the_whole_gives(row, cuts):
    pieces = [piece.tolist() for piece in np.split(np.array(row), sorted(cuts))]
    assert detect(pieces) == detect([row])


def test_stretches_of_one_class_and_instrument_are_put_together_at_a_border():
    one = Detection("GE", "APE", "", "HH", "rockfall", 0, 5 * HOP_NS, 0.7)
    next_one = replace(one, start_ns=6 * HOP_NS, end_ns=9 * HOP_NS, probability=0.8)
    other = replace(next_one, station="B")
    far = replace(one, start_ns=20 * HOP_NS, end_ns=21 * HOP_NS)
    last = replace(far, start_ns=23 * HOP_NS, end_ns=24 * HOP_NS, probability=0.6)
    within = replace(one, start_ns=2 * HOP_NS, end_ns=3 * HOP_NS)  # as rows of a data set may overlap
    found = joined_detections([last, far, other, within, next_one, one], CONFIG, HOP_NS)
    assert found == [replace(one, end_ns=9 * HOP_NS, probability=0.8), other, replace(far, end_ns=24 * HOP_NS)]
    slow = [one, replace(one, start_ns=8 * HOP_NS, end_ns=9 * HOP_NS)]
    assert joined_detections(slow, CONFIG, HOP_NS) == slow
    assert joined_detections(slow, CONFIG, 3 * HOP_NS) == [replace(one, end_ns=9 * HOP_NS)]  # no column lies between
    assert one.trace_id == "GE.APE..HH"


def test_what_reaches_the_threshold_only_behind_a_border_begins_before_it():
    before = Detection("GE", "APE", "", "HH", "rockfall", 0, 5 * HOP_NS, 0.4, threshold=0.6)
    behind = replace(before, start_ns=5 * HOP_NS, end_ns=9 * HOP_NS, probability=0.8)
    alone = replace(before, start_ns=20 * HOP_NS, end_ns=22 * HOP_NS)
    assert joined_detections([before, behind, alone], CONFIG, HOP_NS) == [replace(behind, start_ns=0)]
