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

START_NS = 1_251_073_203_000_000_000


def labels_of(figure):
    """Texts above the first panel: phase and probability of each pick."""
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_stream_is_drawn_with_the_picks_of_its_model():
    model, stream = load_model("phase"), obspy.read()
    figure = seisnet.plot_waveforms(model, stream)
    assert labels_of(figure) == [f"{pick.phase} {pick.probability:.2f}" for pick in model.classify(stream)] != []
    *seismograms, probabilities = figure.axes
    assert [axes.get_ylabel() for axes in seismograms] == ["Z", "N", "E"]
    assert figure._repr_png_().startswith(b"\x89PNG")  # what a notebook shows, be pyplot in use or not
    for line, trace in zip(probabilities.lines, model.annotate(stream), strict=False):
        assert line.get_label() == trace.stats.channel.removeprefix("phase_")
        np.testing.assert_allclose(line.get_ydata(), trace.data)
        np.testing.assert_allclose(line.get_xdata(), trace.times() + trace.stats.starttime.ns / 1e9 - START_NS / 1e9)


def test_picks_of_others_are_drawn_in_place_of_its_own():
    analyst = Pick("BW", "RJOB", "", "", "P", START_NS + 4_700_000_000)
    others = [dataclasses.replace(analyst, **change) for change in ({"station": "ZUGS"}, {"time_ns": START_NS - 1})]
    assert labels_of(seisnet.plot_waveforms(load_model("phase"), obspy.read(), [analyst, *others])) == ["P analyst"]


def test_both_sides_of_a_gap_are_drawn_as_one():
    model, stream = load_model("phase"), obspy.read()
    t = stream[0].stats.starttime
    cut = stream.slice(t, t + 12) + stream.slice(t + 15, t + 29)
    *seismograms, probabilities = seisnet.plot_waveforms(model, cut).axes
    assert all(axes.get_xlim() == pytest.approx((0, 29.01)) for axes in seismograms)
    drawn_s = probabilities.lines[0].get_xdata()
    assert np.isnan(drawn_s).any() and np.nanmax(np.diff(drawn_s[np.isfinite(drawn_s)])) > 3


def test_of_several_instruments_one_is_to_be_named():
    model, stream = load_model("phase"), obspy.read()
    both = stream + stream.copy()
    for trace in both[3:]:
        trace.stats.station = "ZUGS"
    with pytest.raises(ConfigError, match=r"several instruments; choose one of BW\.RJOB\.\.EH, BW\.ZUGS\.\.EH"):
        seisnet.plot_waveforms(model, both)
    with pytest.raises(ConfigError, match=r"no BW\.ZUGS\.\.HH; choose one of"):
        seisnet.plot_waveforms(model, both, trace_id="BW.ZUGS..HH")
    assert "ZUGS" in seisnet.plot_waveforms(model, both, trace_id="BW.ZUGS..EH").get_suptitle()
    with pytest.raises(NothingUsableError, match="no waveforms"):
        seisnet.plot_waveforms(model, obspy.Stream())


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
