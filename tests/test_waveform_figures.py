"""Seismograms, probability traces and picks in one figure."""

import dataclasses

import numpy as np
import obspy
import pytest

import seisnet
from seisnet.classification.figures import waveform_figure
from seisnet.classification.views import View
from seisnet.errors import ConfigError, NothingUsableError
from seisnet.model import Model, load_model
from seisnet.picks import Pick
from tests.bursts import MODEL, bursts, stream_of
from tests.stations import write_stations

START_NS = 1_251_073_203_000_000_000


def labels_of(figure):
    """Texts above the first panel: phase and probability of each pick."""
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_stream_is_drawn_with_the_picks_of_its_model():
    model, stream = load_model("phase"), obspy.read()
    figure = seisnet.plot_waveforms(model, stream)
    assert labels_of(figure) == [f"{pick.phase} {pick.probability:.2f}" for pick in model.classify(stream)] != []
    assert figure.get_suptitle() == "BW.RJOB..EH"
    *seismograms, probabilities = figure.axes
    assert [axes.get_ylabel() for axes in seismograms] == ["Z", "N", "E"]
    assert figure._repr_png_().startswith(b"\x89PNG")  # what a notebook shows, be pyplot in use or not
    for line, trace in zip(probabilities.lines, model.annotate(stream), strict=False):
        assert line.get_label() == trace.stats.channel.removeprefix("phase_")
        np.testing.assert_allclose(line.get_ydata(), trace.data)
        np.testing.assert_allclose(line.get_xdata(), trace.times() + trace.stats.starttime.ns / 1e9 - START_NS / 1e9)


def test_a_stream_is_drawn_with_the_detections_of_a_model_of_classes():
    model, stream = load_model("rockfall"), obspy.read()
    found = model.classify(stream)
    assert labels_of(seisnet.plot_waveforms(model, stream)) == [f"{d.label} {d.probability:.2f}" for d in found] != []
    assert labels_of(seisnet.plot_waveforms(model, stream, [])) == []


def test_components_are_placed_as_the_inventory_says(tmp_path, make_trace, noise, untrained_model):
    stream = obspy.Stream([make_trace(noise(1000, k), f"GE.APE..HH{c}") for k, c in enumerate("Z12")])
    channels = (("HHZ", 0.0, 90.0, 0, 9), ("HH1", 90.0, 0.0, 0, 9), ("HH2", 180.0, 0.0, 0, 9))
    figure = seisnet.plot_waveforms(untrained_model, stream, inventory=write_stations(tmp_path / "s.xml", *channels))
    for axes, (k, sign) in zip(figure.axes, ((0, -1), (2, -1), (1, 1)), strict=False):
        samples = sign * stream[k].data
        np.testing.assert_allclose(axes.lines[0].get_ydata(), samples - samples.mean(), atol=1e-5)


def test_picks_of_others_are_drawn_in_place_of_its_own():
    analyst = Pick("BW", "RJOB", "", "", "P", START_NS + 4_700_000_000)
    others = [dataclasses.replace(analyst, **change) for change in ({"station": "ZUGS"}, {"time_ns": START_NS - 1})]
    assert labels_of(seisnet.plot_waveforms(load_model("phase"), obspy.read(), [analyst, *others])) == ["P analyst"]
    assert labels_of(seisnet.plot_waveforms(load_model("phase"), obspy.read(), [])) == []


def test_both_sides_of_a_gap_are_drawn_as_one():
    model, stream = load_model("phase"), obspy.read()
    t = stream[0].stats.starttime
    cut = stream.slice(t, t + 12) + stream.slice(t + 15, t + 29)
    *seismograms, probabilities = seisnet.plot_waveforms(model, cut).axes
    assert all(axes.get_xlim() == pytest.approx((0, 29.01)) for axes in seismograms)
    drawn_s = probabilities.lines[0].get_xdata()
    assert np.isnan(drawn_s).any() and np.nanmax(np.diff(drawn_s[np.isfinite(drawn_s)])) > 3


def test_picks_on_both_sides_of_a_gap_are_drawn(make_trace):
    stream = stream_of(bursts(6000), make_trace)
    t = stream[0].stats.starttime
    cut = stream.slice(t, t + 24) + stream.slice(t + 26, t + 60)
    own = MODEL.classify(cut)
    assert {pick.time_ns > (t + 25).ns for pick in own} == {False, True}
    for picks in (None, own):
        figure = seisnet.plot_waveforms(MODEL, cut, picks)
        assert labels_of(figure) == [f"{pick.phase} {pick.probability:.2f}" for pick in own]
        upright = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
        assert [line.get_xdata()[0] for line in upright] == pytest.approx([(p.time_ns - t.ns) / 1e9 for p in own])


def test_of_several_instruments_one_is_to_be_named():
    model, stream = load_model("phase"), obspy.read()
    both = stream + stream.copy()
    for trace in both[3:]:
        trace.stats.station = "ZUGS"
    with pytest.raises(ConfigError, match=r"several instruments; choose one of BW\.RJOB\.\.EH, BW\.ZUGS\.\.EH"):
        seisnet.plot_waveforms(model, both)
    with pytest.raises(ConfigError, match=r"no BW\.ZUGS\.\.HH; choose one of"):
        seisnet.plot_waveforms(model, both, trace_id="BW.ZUGS..HH")
    with pytest.raises(ConfigError, match=r"no BW\.ZUGS\.\.EH; choose one of BW\.RJOB\.\.EH"):
        seisnet.plot_waveforms(model, stream, trace_id="BW.ZUGS..EH")
    assert "ZUGS" in seisnet.plot_waveforms(model, both, trace_id="BW.ZUGS..EH").get_suptitle()
    with pytest.raises(NothingUsableError, match="no waveforms"):
        seisnet.plot_waveforms(model, obspy.Stream())
    with pytest.raises(NothingUsableError, match=r"drawn: shorter than 4 s \(BW\.RJOB\.\.EH\)"):
        seisnet.plot_waveforms(model, stream.slice(endtime=stream[0].stats.starttime + 3))


@pytest.mark.parametrize(("response", "label"), [("none", "Z"), ("displacement", "Z (m)"), ("velocity", "Z (m/s)")])
def test_seismograms_carry_a_unit_only_where_it_is_known(untrained_model, response, label):
    """Files hold counts or ground motion, and do not say which; what has lost its response is ground motion."""
    settings = {**untrained_model.stored.preprocess, "response": response}
    model = Model("m", dataclasses.replace(untrained_model.stored, preprocess=settings))
    data_ct, nothing = np.random.default_rng(1).normal(size=(3, 400)), np.zeros((0, 0))
    view = View(data_ct, START_NS, 100.0, nothing, np.zeros(0), (), "BW.S..EH")
    assert waveform_figure(view, model).axes[0].get_ylabel() == label
    assert waveform_figure(view, None).axes[0].get_ylabel() == "Z"


def test_of_a_stretch_that_is_flat_on_every_component_all_are_drawn():
    nothing = np.zeros((0, 0))
    view = View(np.zeros((3, 400)), START_NS, 100.0, nothing, np.zeros(0), (), "BW.S..EH")
    assert [axes.get_ylabel() for axes in waveform_figure(view, None).axes] == ["Z", "N", "E"]


def test_a_flat_component_is_left_out_and_the_others_keep_their_letters():
    data_ct = np.random.default_rng(1).normal(size=(3, 400))
    data_ct[1] = 7
    view = View(data_ct, START_NS, 100.0, np.zeros((0, 0)), np.zeros(0), (), "BW.S..EH")
    assert [axes.get_ylabel() for axes in waveform_figure(view, None).axes] == ["Z", "E"]


def test_picks_of_the_instrument_that_is_drawn_alone_are_drawn():
    model, stream = load_model("phase"), obspy.read()
    both = stream + stream.copy()
    for trace in both[3:]:
        trace.stats.station = "ZUGS"
    alone = labels_of(seisnet.plot_waveforms(model, stream))
    assert labels_of(seisnet.plot_waveforms(model, both, trace_id="BW.ZUGS..EH")) == alone
