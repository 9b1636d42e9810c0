"""Waveforms of a web service, from a small one on this machine: what is asked for, what comes, what goes wrong."""

import functools
import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import obspy
import pytest
from click.testing import CliRunner
from obspy.clients import fdsn as obspy_fdsn
from obspy.core.inventory import Channel, Inventory, Network, Site, Station

from seisnet.cli import cli
from seisnet.config import PreprocessConfig
from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.preprocessing.job import preprocess, preprocess_to_file
from seisnet.store.windows_file import read_rejected
from seisnet.store.windows_in_memory import read_windows
from seisnet.waveforms import fdsn
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.reading import read_records
from seisnet.waveforms.records import DAY_NS, NS_PER_S
from seisnet.waveforms.selection import Selection

START_NS = 1_577_836_800 * NS_PER_S
WADL = Path(obspy_fdsn.__file__).parent / "tests/data"
RATE_HZ = 10.0


def inventory():
    channels = [
        Channel(code, "", 0.0, 0.0, 0.0, 0.0, azimuth=0, dip=-90 if code[-1] == "Z" else 0, sample_rate=RATE_HZ)
        for code in ("BHZ", "BHN", "BHE", "HHZ")
    ]
    stations = [Station(code, 0.0, 0.0, 0.0, channels=channels, site=Site("x")) for code in ("APE", "XYZ")]
    return Inventory([Network("GE", stations=stations)], source="test")


@pytest.fixture
def service(make_trace, noise, monkeypatch):
    """A server of three days of GE.APE..BH?, with a list of what was asked, and of answers to give before."""
    monkeypatch.setattr(fdsn, "PAUSES_S", (0.0, 0.0))
    n = round(3 * 86_400 * RATE_HZ)
    stream = obspy.Stream(
        make_trace(np.round(1000 * noise(n, k)).astype(np.int32), f"GE.APE..BH{c}", start_ns=START_NS, rate_hz=RATE_HZ)
        for k, c in enumerate("ZNE")
    )
    asked, trouble = [], []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self, status, content=b"", kind="text/plain"):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self):
            url = urlparse(self.path)
            _, _, name, _, what = url.path.split("/")[:5]
            options = {key: values[0] for key, values in parse_qs(url.query).items()}
            if name == "event":
                self.answer(404)
            elif what == "version":
                self.answer(200, b"1.1.0")
            elif what == "application.wadl":
                self.answer(200, (WADL / f"2014-01-07_ethz_{name}.wadl").read_bytes(), "application/xml")
            elif name == "station":
                if "[" in "".join(options.values()):
                    self.answer(400, b"codes with brackets")
                    return
                out = io.BytesIO()
                chosen = inventory().select(network=options["network"], station=options.get("station", "*"))
                chosen.write(out, format="STATIONXML")
                self.answer(
                    200 if chosen.networks else 204, out.getvalue() if chosen.networks else b"", "application/xml"
                )
            else:
                asked.append(options)
                if trouble:
                    self.answer(*trouble.pop(0))
                    return
                span = (obspy.UTCDateTime(options[key]) for key in ("starttime", "endtime"))
                found = stream.select(station=options["station"], channel=options["channel"]).slice(*span)
                out = io.BytesIO()
                if found:
                    found.write(out, format="MSEED", reclen=4096)
                self.answer(200 if found else 204, out.getvalue(), "application/vnd.fdsn.mseed")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    fdsn._client.cache_clear()
    yield f"http://127.0.0.1:{server.server_port}", stream, asked, trouble
    server.shutdown()
    thread.join()
    server.server_close()


def read(url, selection):
    reading = Reading()
    sources = find_sources([f"fdsn:{url}"], reading, selection=selection)
    records = [r for s in sources for r in read_records(s, reading, sampling_rate_hz=RATE_HZ, shortest_s=4.0)]
    return sources, records, reading


def span(first_s, last_s, *patterns):
    return Selection(patterns or ("GE.APE..BH?",), START_NS + first_s * NS_PER_S, START_NS + last_s * NS_PER_S)


def test_days_come_whole_and_windows_across_midnight_once(service):
    url, stream, asked, _ = service
    sources, records, reading = read(url, span(3600, 3 * 86_400 - 3600))
    assert len(sources) == len(asked) == len(records) == 3
    assert reading.rejections == []
    assert all(r.present.all() for r in records)
    assert records[0].start_ns == START_NS + 3600 * NS_PER_S
    assert [r.start_ns for r in records[1:]] == [START_NS + DAY_NS, START_NS + 2 * DAY_NS]
    assert records[0].end_ns == START_NS + DAY_NS + round(3.8 * NS_PER_S)
    assert records[-1].end_ns == START_NS + 3 * DAY_NS - 3600 * NS_PER_S - round(0.1 * NS_PER_S)
    samples = stream[0].data[36_000 : 36_000 + records[0].n_samples].astype(float)
    difference = records[0].data[0] - samples
    assert np.ptp(difference) < 1e-2


def test_sources_of_a_service_name_it_and_their_day(service):
    url, _, _, _ = service
    [source] = find_sources([f"fdsn:{url}"], Reading(), selection=span(0, 60))
    assert source.name == f"fdsn:{url} GE.APE..BH? 2020-01-01"
    assert source.paths == ()


@pytest.mark.parametrize(
    ("pattern", "n"),
    [("GE.APE..BH?", 1), ("GE.APE..BH", 1), ("GE.APE", 2), ("GE", 4), ("GE.*.--.HH?", 2), ("GE.[A-B]PE..BH[ZN]", 1)],
)
def test_instruments_come_from_the_station_service(service, pattern, n):
    url, _, asked, _ = service
    assert len(find_sources([f"fdsn:{url}"], Reading(), selection=span(0, 60, pattern))) == n
    assert asked == []


def test_a_day_without_data_is_told_and_the_others_go_on(service):
    url, _, _, _ = service
    _, records, reading = read(url, span(-86_400, 60))
    assert len(records) == 1
    [rejection] = reading.rejections
    assert rejection.trace_id == "GE.APE..BH"
    assert "has no data" in rejection.reason


@pytest.mark.parametrize("answer", [(503,), (500,), (429,), (200, b"no waveform")])
def test_what_may_pass_is_asked_for_again(service, answer):
    url, _, asked, trouble = service
    trouble += [answer, answer]
    _, records, reading = read(url, span(0, 600))
    assert len(asked) == 3
    assert len(records) == 1
    assert reading.rejections == []


@pytest.mark.parametrize(("answer", "tries"), [((503,), 3), ((400, b"bad"), 1), ((413,), 1), ((403,), 1)])
def test_what_does_not_pass_is_one_line_and_the_next_day_goes_on(service, answer, tries):
    url, _, asked, trouble = service
    trouble += [answer] * tries
    _, records, reading = read(url, span(0, 86_400 + 600))
    assert len(asked) == tries + 1
    assert len(records) == 1
    [rejection] = reading.rejections
    assert rejection.reason.startswith(f"fdsn:{url}: ")
    assert "\n" not in rejection.reason


@pytest.mark.parametrize(
    ("spec", "selection", "reason"),
    [
        ("fdsn:http://127.0.0.1:9", span(0, 60), "fdsn:http://127.0.0.1:9: "),
        (
            "fdsn:NOSUCHNODE",
            span(0, 60),
            "fdsn:NOSUCHNODE: neither a URL nor a name that ObsPy knows; known: AUSPASS, ",
        ),
        (
            "fdsn:geofonn",
            span(0, 60),
            "fdsn:geofonn: neither a URL nor a name that ObsPy knows; did you mean 'GEOFON'?",
        ),
        ("fdsn:", span(0, 60), "fdsn:: neither a URL nor a name that ObsPy knows"),
        ("fdsn:GEOFON", Selection(("GE",)), "set with selection=... which channels"),
        ("fdsn:GEOFON", Selection(start_ns=0, end_ns=1), "set with selection=... which channels"),
    ],
)
def test_services_that_are_none_are_an_error_in_one_line(spec, selection, reason, monkeypatch):
    monkeypatch.setattr(fdsn, "PAUSES_S", (0.0,))
    fdsn._client.cache_clear()
    with pytest.raises((DataError, ConfigError)) as error:
        find_sources([spec], Reading(), selection=selection)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


WINDOWS = PreprocessConfig(
    sampling_rate_hz=RATE_HZ, window_s=8.0, frame_s=1.0, hop_s=0.5, freqmax_hz=4.5, shifts=0, coda_windows=0,
    noise_windows=0, split=(1.0, 0.0, 0.0),
)  # fmt: skip


def write_labels(path, seconds):
    """A P so long after the start of what the service has, and an S 20 s later."""
    times = [obspy.UTCDateTime(ns=START_NS) + s for s in seconds]
    rows = (f"GE,APE,{time + after},{phase}\n" for time in times for after, phase in ((0, "P"), (20, "S")))
    path.write_text("network,station,time,phase\n" + "".join(rows))
    return path


def test_windows_are_made_of_what_a_service_sends(service, tmp_path):
    url, *_ = service
    labels = write_labels(tmp_path / "picks.csv", (80_000, 90_000))
    info = preprocess([f"fdsn:{url}"], [labels], WINDOWS, selection=span(79_000, 91_000)).info
    assert info.sources == tuple((f"fdsn:{url} GE.APE..BH? 2020-01-0{day}", 0, "", 2) for day in (1, 2))


def test_a_service_without_what_is_wanted_says_so(service):
    url, *_ = service
    with pytest.raises(NothingUsableError, match="has no channel"):
        find_sources([f"fdsn:{url}"], Reading(), selection=span(0, 60, "XX"))


@pytest.fixture
def two_days(service, tmp_path):
    """The arguments of `preprocess_to_file` for the end of a day and the beginning of the next, with a P and S each."""
    labels, selection = write_labels(tmp_path / "picks.csv", (86_000, 86_800)), span(85_900, 86_900)
    return functools.partial(preprocess_to_file, [f"fdsn:{service[0]}"], [labels], WINDOWS, selection=selection)


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_an_interrupted_preprocess_asks_again_for_what_had_failed(service, two_days, tmp_path, monkeypatch):
    _, _, asked, trouble = service
    two_days(output=tmp_path / "whole.h5")
    output = tmp_path / "w.h5"
    asked.clear()
    trouble.append((403,))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("seisnet.preprocessing.job.merge", interrupt)
        two_days(output=output)
    assert len(asked) == 2
    two_days(output=output, resume=True)
    assert len(asked) == 3
    assert output.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert not (tmp_path / ".w.h5.work").exists()


def test_a_finished_windows_file_tells_which_requests_had_failed_and_is_not_made_again(service, two_days, tmp_path):
    _, _, asked, trouble = service
    trouble.append((403,))
    two_days(output=tmp_path / "w.h5")
    before = (tmp_path / "w.h5").read_bytes()
    two_days(output=tmp_path / "w.h5", resume=True)
    assert len(asked) == 2
    assert (tmp_path / "w.h5").read_bytes() == before
    assert sum(reason.startswith("fdsn:") for *_, reason in read_rejected(tmp_path / "w.h5")) == 1


def test_a_virtual_file_is_whole_until_what_had_failed_has_been_asked_for_again(
    service, two_days, tmp_path, monkeypatch
):
    _, _, asked, trouble = service
    output = tmp_path / "w.h5"
    trouble.append((403,))
    two_days(output=output, virtual=True)
    assert len(read_windows(output).rows) == 2
    trouble.append((413,))  # which is told otherwise
    for failing in (True, False):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("seisnet.preprocessing.job.merge", interrupt)
            two_days(output=output, virtual=True, overwrite=failing, resume=not failing)
        assert len(read_windows(output).rows) == 2
    two_days(output=output, virtual=True, resume=True)
    assert len(asked) == 4
    assert len(read_windows(output).rows) == 4
    assert len(list((tmp_path / "w.h5.shards").iterdir())) == 2


def test_an_interrupted_classify_asks_again_for_what_had_failed(service, untrained_model, tmp_path, monkeypatch):
    url, _, asked, trouble = service
    untrained_model.save(tmp_path / "model.h5")
    wanted = ["classify", f"fdsn:{url}", "--select", "GE.APE..BH?", "--model", tmp_path / "model.h5"]
    wanted += ["--starttime", "2020-01-01T23:50", "--endtime", "2020-01-02T00:10", "--threshold", "P=0.01", "-o"]

    def classify(*arguments):
        return CliRunner().invoke(cli, list(map(str, [*wanted, *arguments])), catch_exceptions=False)

    classify(tmp_path / "whole.csv")
    asked.clear()
    trouble.append((403,))
    with monkeypatch.context() as patch:
        patch.setattr("seisnet.classification.job.write_picks", interrupt)
        assert classify(tmp_path / "p.csv").exit_code == 130
    assert len(asked) == 2
    resumed = classify(tmp_path / "p.csv", "--resume")
    assert len(asked) == 3
    assert "fdsn:" not in resumed.stderr
    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert classify(tmp_path / "p.csv", "--resume").stderr == f"{tmp_path / 'p.csv'} is finished; nothing to resume\n"


def test_a_finished_run_of_which_a_request_failed_says_so_again(service, untrained_model, tmp_path):
    url, _, _, trouble = service
    untrained_model.save(tmp_path / "model.h5")
    trouble.append((403,))
    wanted = ["classify", f"fdsn:{url}", "--select", "GE.APE..BH?", "--model", tmp_path / "model.h5"]
    wanted += ["--starttime", "2020-01-01T23:50", "--endtime", "2020-01-02T00:10", "-o", tmp_path / "p.csv", "--resume"]
    first, again = (CliRunner().invoke(cli, list(map(str, wanted)), catch_exceptions=False) for _ in range(2))
    assert f"not used: fdsn:{url}: " in first.stderr
    assert again.stderr.startswith(f"{tmp_path / 'p.csv'} is finished; nothing to resume\n")
    assert f"1 file or request had failed: --overwrite reads all again (fdsn:{url}: " in again.stderr
