"""Small things that many tests need: traces, records, labelled seismograms and files of them."""

import csv
import shutil
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import obspy
import pytest
from hypothesis import settings
from obspy.core.event import Catalog, Event, WaveformStreamID
from obspy.core.event import Pick as QuakeMLPick

from seisnet.config import PreprocessConfig, TrainConfig
from seisnet.features import make_feature
from seisnet.model import Model
from seisnet.nn import Network
from seisnet.picks import Pick
from seisnet.preprocessing.job import preprocess_to_file
from seisnet.store.model_file import StoredModel, StoredStage
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.synthetic import GeneratorConfig, generate_records
from seisnet.training.fitting import fit
from seisnet.training.labelled_sets import make_windows
from seisnet.waveforms import mseed, mseed_samples
from seisnet.waveforms.records import COMPONENTS, NS_PER_S, Record, sample_to_ns
from seisnet.windows.labelled import LabelledRecord
from tests.bursts import MODEL, bursts, stream_of
from tests.commands import whole_job

# No test is timed, and a test that fails once fails always.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

LONGEST = ("test_demo", "test_workflow", "test_killed", "test_streaming", "test_preprocessing", "test_lecture")
"""Files that take longest come first: of two processes that share the files none is left alone with one of them."""


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


START_NS = 1_577_836_800 * NS_PER_S
"""2020-01-01T00:00:00 UTC."""


def _trace(samples, seed_id="GE.APE..HHZ", *, start_ns=START_NS, rate_hz=100.0):
    network, station, location, channel = seed_id.split(".")
    header = {"network": network, "station": station, "location": location, "channel": channel}
    trace = obspy.Trace(np.asanyarray(samples), header=header)
    trace.stats.starttime = obspy.UTCDateTime(ns=int(start_ns))
    trace.stats.sampling_rate = rate_hz
    return trace


def _noise(n_samples, seed=0):
    return np.random.default_rng(seed).normal(size=n_samples)


def _record(data, *, start_ns=START_NS, rate_hz=100.0, trace_id="GE.APE..HH", present=(True, True, True)):
    present = np.array(present)
    data = np.where(present[:, None], np.broadcast_to(data, (3, np.shape(data)[-1])), 0)
    return Record(data.astype(np.float32), start_ns, rate_hz, trace_id, present, rate_hz / 2)


def _stream_of(seismogram):
    """The traces of a synthetic record, one a recorded component."""
    rows = zip(COMPONENTS, seismogram.data, seismogram.present, strict=True)
    codes = f"{seismogram.network}.{seismogram.station}.{seismogram.location}.{seismogram.channel}"
    found = [(f"{codes}{letter}", row) for letter, row, there in rows if there]
    start_ns, rate_hz = seismogram.start_ns, seismogram.sampling_rate_hz
    return obspy.Stream([_trace(row, seed_id, start_ns=start_ns, rate_hz=rate_hz) for seed_id, row in found])


@pytest.fixture(scope="session")
def make_trace():
    """make_trace(samples, "NET.STA.LOC.CHA", start_ns=, rate_hz=) -> obspy.Trace."""
    return _trace


@pytest.fixture(scope="session")
def cupy():
    """The CuPy module, where it is and finds a GPU."""
    module = pytest.importorskip("cupy")
    try:
        n_devices = module.cuda.runtime.getDeviceCount()
    except module.cuda.runtime.CUDARuntimeError:
        n_devices = 0
    if not n_devices:
        pytest.skip("no GPU")
    return module


@pytest.fixture(scope="session")
def noise():
    """noise(n_samples, seed) -> float64 (n_samples,)."""
    return _noise


@pytest.fixture
def rng():
    return np.random.default_rng(20261122)


@pytest.fixture(scope="session")
def make_record():
    """make_record(samples (T,) or (3, T), start_ns=, rate_hz=, present=) -> Record."""
    return _record


@pytest.fixture(scope="session")
def onset_record():
    """onset_record(onset_s, ...) -> a minute of noise, ten times stronger from the onset on."""

    def make(onset_s, *, rate_hz=100.0, seconds=60.0, seed=0, **options):
        t = np.arange(round(seconds * rate_hz)) / rate_hz
        data = np.random.default_rng(seed).normal(size=(3, t.size)) * np.where(t < onset_s, 1.0, 10.0)
        return _record(data, rate_hz=rate_hz, **options)

    return make


def _quake(station, seed):
    """Half a minute of noise at 50 Hz with a P on the vertical, and an S on the horizontals."""
    rng = np.random.default_rng(seed)
    rate_hz, p_s = 50.0, rng.uniform(12, 15)
    onsets_s = {"P": p_s, "S": p_s + rng.uniform(4, 7)}
    t = np.arange(round(30 * rate_hz)) / rate_hz
    data = rng.normal(size=(3, t.size))
    for phase, rows, strength in (("P", [0], 8), ("S", [1, 2], 16)):
        since = t - onsets_s[phase]
        data[rows] += strength * rng.normal(size=(len(rows), t.size)) * (since >= 0) * np.exp(-np.maximum(since, 0))
    record = _record(data, start_ns=START_NS + seed * 1000 * NS_PER_S, rate_hz=rate_hz, trace_id=f"XX.{station}..HH")
    picks = [Pick("XX", station, "", "HH", of, sample_to_ns(record, s * rate_hz)) for of, s in onsets_s.items()]
    return LabelledRecord(record, tuple(picks), event_id=f"event{seed}")


@pytest.fixture(scope="session")
def quakes():
    """Made-up earthquakes, easily learned: records of `train`, `dev` and `test`, their `windows` and `config`.

    Four stations to learn from, two others to be judged on.
    """
    config = PreprocessConfig(
        sampling_rate_hz=50.0, window_s=2.0, frame_s=0.4, hop_s=0.2, freqmin_hz=2.5, freqmax_hz=20.0,
        shifts=2, coda_windows=2, noise_windows=2, excerpt_s=12.0,
    )  # fmt: skip
    train = [_quake(f"A{seed % 4}", seed) for seed in range(24)]
    dev = [_quake(f"B{seed % 2}", seed) for seed in range(100, 126)]
    test = [_quake("B0", seed) for seed in range(200, 204)]
    parts = (train, dev, test)
    return SimpleNamespace(train=train, dev=dev, test=test, config=config, windows=make_windows(parts, config))


@pytest.fixture(scope="session")
def small_training():
    """How a model of three stages is trained on them within a second."""
    return TrainConfig(
        hidden=(16,), epochs=6, batch_size=32, dropout=0.1, input_noise=0.1, label_smoothing=0.0,
        folds=2, context_hidden=(8,), context_epochs=5, onset_hidden=(16,), onset_epochs=10,
    )  # fmt: skip


@pytest.fixture(scope="session")
def briefly(small_training):
    """The same in a fraction of the time."""
    return replace(small_training, epochs=2, context_epochs=2, onset_epochs=2)


@pytest.fixture(scope="session")
def quake_model(quakes, small_training):
    """The model of three stages, calibrated."""
    return fit(quakes.windows, small_training, name="quakes")[0]


@pytest.fixture(scope="session")
def seismograms():
    """Labelled synthetic seismograms of 12 small events, and noise, at few stations; no recorder has a fault."""
    config = GeneratorConfig(magnitude=(0.0, 4.0), faulty_share=0.0)
    return list(generate_records(12, np.random.default_rng(7), config=config))


@pytest.fixture(scope="session")
def labelled(tmp_path_factory, seismograms):
    """The same seismograms as miniSEED files with QuakeML and CSV labels, and as a SeisBench data set.

    Only those with picks: a noise record can't be declared beside plain files. Times are whole microseconds, which
    is all that the files keep; no sample is zero, which a data set may take for padding.
    """
    folder = tmp_path_factory.mktemp("labelled")
    whole = [
        replace(
            s,
            start_ns=s.start_ns // 1000 * 1000,
            data=s.data.astype(np.float32) + np.float32(0.25 if s.data.dtype == np.int32 else 0.25 * s.data.std()),
            picks=tuple(replace(p, time_ns=p.time_ns // 1000 * 1000) for p in s.picks),
        )
        for s in seismograms
        if s.picks
    ]
    files = folder / "files"
    files.mkdir()
    for i, s in enumerate(whole):
        _stream_of(s).write(str(files / f"{s.station}.{i:03d}.mseed"), format="MSEED")
    picks = [pick for s in whole for pick in s.picks]
    _write_quakeml(folder / "picks.xml", picks)
    _write_csv(folder / "picks.csv", picks)
    _write_dataset(folder / "set", whole)
    return SimpleNamespace(
        files=files,
        quakeml=folder / "picks.xml",
        csv=folder / "picks.csv",
        dataset=folder / "set",
        seismograms=whole,
        picks=picks,
    )


@pytest.fixture(scope="session")
def windows(labelled, tmp_path_factory):
    """The windows file of the miniSEED files and the QuakeML, split by event."""
    path = tmp_path_factory.mktemp("windows") / "windows.h5"
    preprocess_to_file([labelled.files], [labelled.quakeml], PreprocessConfig(split_by="event"), output=path)
    return path


@pytest.fixture(scope="session")
def untrained_model():
    """A model that was never trained: for what does not depend on what it says."""
    config = PreprocessConfig()
    sizes = (int(np.prod(make_feature(config).shape)), 4, 3)
    theta = Network(sizes, rng=np.random.default_rng(0)).theta
    zeros, ones = np.zeros(sizes[0], np.float32), np.ones(sizes[0], np.float32)
    stage = StoredStage(theta, sizes, "relu")
    return Model("m", StoredModel((stage,), config.classes, zeros, ones, asdict(config), {}, {"P": 0.9, "S": 0.9}))


@pytest.fixture(scope="session")
def job(tmp_path_factory):
    """A folder with `set`, `windows.h5`, `quick.toml`, `model.h5`, `day.mseed` and `analyst.csv`."""
    return whole_job(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """Six files `data/0.mseed` and so on, one a station, and `model.h5`, which picks their bursts."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / "data").mkdir()
    for k in range(6):
        stream = stream_of(bursts(12_000, k), _trace, station=f"GE.A{k}..HH")
        stream.write(str(folder / "data" / f"{k}.mseed"), format="MSEED")
    MODEL.save(folder / "model.h5")
    return folder


def _write_quakeml(path, picks):
    catalogue = Catalog()
    for event_id in dict.fromkeys(pick.event_id for pick in picks):
        event = Event(resource_id=f"smi:local/{event_id}")
        for p in picks:
            if p.event_id == event_id:
                codes = WaveformStreamID(p.network, p.station, p.location, p.channel + "Z")
                time = obspy.UTCDateTime(ns=p.time_ns)
                event.picks.append(QuakeMLPick(time=time, waveform_id=codes, phase_hint=p.phase))
        catalogue.append(event)
    catalogue.write(str(path), format="QUAKEML")


def _write_csv(path, picks):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["network", "station", "location", "channel", "time", "phase", "event_id"])
        for p in picks:
            time = str(obspy.UTCDateTime(ns=p.time_ns))
            writer.writerow([p.network, p.station, p.location, p.channel, time, p.phase, f"smi:local/{p.event_id}"])


def _write_dataset(folder, seismograms):
    columns = (
        "trace_start_time", "trace_sampling_rate_hz", "trace_component_order", "trace_channel", "trace_category",
        "station_network_code", "station_code", "source_id", "trace_p_arrival_sample", "trace_s_arrival_sample",
    )  # fmt: skip
    with new_seisbench(folder, columns, data_format={"component_order": "ZNE"}) as writer:
        for s in seismograms:
            samples = [(p.time_ns - s.start_ns) / NS_PER_S * s.sampling_rate_hz for p in s.picks]
            row = {
                "trace_start_time": str(obspy.UTCDateTime(ns=s.start_ns)),
                "trace_sampling_rate_hz": s.sampling_rate_hz,
                "trace_component_order": "".join(c for c, there in zip(COMPONENTS, s.present, strict=True) if there),
                "trace_channel": s.channel,
                "trace_category": "earthquake_local",
                "station_network_code": s.network,
                "station_code": s.station,
                "source_id": f"smi:local/{s.event_id}",
                "trace_p_arrival_sample": repr(samples[0]),
                "trace_s_arrival_sample": repr(samples[1]),
            }
            writer.add(row, s.data[s.present])


FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-dev-shm-usage --disable-extensions --window-size=1280,900"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium, headless, driven by selenium."""
    from selenium import webdriver  # which most tests do without
    from selenium.common.exceptions import WebDriverException

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if not chromium or not chromedriver:
        pytest.skip("no Chromium with its driver on this machine: no page is tried in a browser")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    try:
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    except WebDriverException as error:
        pytest.skip(f"Chromium does not run here: {error.msg}")
    yield driver
    driver.quit()


@pytest.fixture
def small_blocks(monkeypatch):
    """Short files of miniSEED are of several blocks, and decoded channel by channel."""
    monkeypatch.setattr(mseed, "BLOCK_BYTES", 5000)
    monkeypatch.setattr(mseed_samples, "AT_ONCE_BYTES", 1000)
    monkeypatch.setattr(mseed, "SLACK_NS", NS_PER_S // 10)
