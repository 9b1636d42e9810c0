"""The phase pipeline: its figures are plain JSON also where nothing was found, and what is left out is not learned."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seisnet.training.calibration import Trial

PIPELINES = Path(__file__).parents[1] / "pipelines"
STORED = SimpleNamespace(thresholds={"P": 0.5}, spread={"P": 2.0})


@pytest.fixture
def pipeline(monkeypatch):
    known = set(sys.modules)
    monkeypatch.syspath_prepend(PIPELINES)
    import phase_card
    import phase_figures
    import phase_model
    import phase_records

    yield SimpleNamespace(figures=phase_figures, card=phase_card, model=phase_model, records=phase_records)
    for name in {"phase_card", "phase_figures", "phase_model", "phase_records"} - known:
        sys.modules.pop(name, None)


def tried(probability, residual_s):
    trial = Trial(probability, residual_s, [0.1] * len(probability), n_reference=2, hours=1.0)
    return SimpleNamespace(labelled=SimpleNamespace(event_id="a"), trials={"P": trial})


@pytest.mark.parametrize("one", [tried([], []), tried([0.9, 0.2], [np.nan, 0.1])], ids=["no pick", "none right"])
def test_what_nothing_matches_has_no_residuals(one, pipeline):
    found = pipeline.figures.pick_figures([one], STORED, 0)["P"]
    assert (found["f1"], found["median_s"], found["mae_s"], found["onsets"]) == (0.0, None, None, 2)
    assert pipeline.figures.coverage(one.trials["P"], STORED, "P") == {"within_1": None, "within_1.96": None}
    json.dumps(found, allow_nan=False)


def test_residuals_and_coverage_of_matched_picks(pipeline):
    one = tried([0.9, 0.8, 0.7, 0.1], [0.1, -0.3, np.nan, 0.4])
    found = pipeline.figures.pick_figures([one], STORED, 0)["P"]
    assert (found["precision"], found["recall"], found["median_s"], found["mae_s"]) == (0.667, 1.0, -0.1, 0.2)
    assert pipeline.figures.coverage(one.trials["P"], STORED, "P") == {"within_1": 0.5, "within_1.96": 1.0}


def test_the_card_says_none(pipeline):
    assert (pipeline.card._known(None, 3), pipeline.card._known(0.02, 3)) == ("none", "0.020")


def test_a_region_is_left_out_with_all_records_of_its_stations(pipeline):
    def records(*stations):
        return [SimpleNamespace(record=SimpleNamespace(trace_id=f"{name}..HH")) for name in stations]

    here, there = records("CI.A", "CI.B", "CI.A"), records("OB.X", "CI.B")
    assert list(pipeline.model.region_folds([here, there])) == [(there[:1], here), ([here[0], here[2]], there)]


def test_synthetic_records_lose_components_at_random(pipeline):
    def made(lost_share):
        return [one.record for one in pipeline.records.synthetic(4, 0, 0.0, lost_share, rate_hz=100.0, seed=0)]

    for whole, record in zip(made(0.0), made(1.0), strict=True):
        lost = whole.present & ~record.present
        assert lost.sum() == whole.present.all()
        assert not record.data[~record.present].any()
        assert (record.data[record.present] == whole.data[record.present]).all()
