"""`seisnet stream` and a small SeedLink 3 server on this machine: what is sent, asked for again, and picked."""

import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from contextlib import closing

import numpy as np
import obspy
import pytest
from click.testing import CliRunner
from obspy.core.inventory import Channel, Inventory, Network, Station
from obspy.io.mseed.util import get_record_information

from seisnet.cli import cli
from seisnet.cli.stream import HANG_UP, Stop
from seisnet.config import PickConfig
from seisnet.errors import ConfigError, DataError
from seisnet.formats.own_csv import picks_csv
from seisnet.model import load_model
from seisnet.streaming import EARLY
from seisnet.waveforms.axes import directions
from seisnet.waveforms.seedlink import Connection, ConnectionLog, packets
from tests.bursts import MODEL, bursts, stream_of

PATIENCE_S = 20.0
"""The server ends when nothing happens for so long."""


class Server(threading.Thread):
    """Sends records of 512 bytes of one station, each behind a header of 8, and ends the transmission.

    The first connection is reset, closed or ended after `lost_after` records, where that is given. With `how` "silent"
    the first is closed, and on the second nothing comes after the rest, not even the end. A station `refused` is so.
    """

    def __init__(self, stream, lost_after=None, how="reset", refused=""):
        super().__init__(daemon=True)
        self.records, self.lost_after, self.how, self.commands = records_of(stream), lost_after, how, []
        self.refused = refused
        self.silent = threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(PATIENCE_S)
        self.address = f"127.0.0.1:{self.listening.getsockname()[1]}"

    def run(self):
        with self.listening:
            for lost_after in [self.lost_after, None] if self.lost_after else [None]:
                connection, _ = self.listening.accept()
                with connection:
                    connection.settimeout(PATIENCE_S)
                    first = self.negotiate(connection)
                    for k, record in list(enumerate(self.records))[first:lost_after]:
                        connection.sendall(b"SL%06X" % k + record)
                    if lost_after:
                        if self.how == "end":
                            connection.sendall(b"END")
                            connection.recv(1)
                        if self.how == "reset":  # to close with this set is to reset
                            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        continue
                    if self.how == "silent":
                        self.silent.set()
                    else:
                        connection.sendall(b"END")
                    connection.recv(1)  # until the client closes

    def negotiate(self, connection):
        """Answer commands until END; the number of the first record that is asked for."""
        first, pending = 0, b""
        while True:
            received = connection.recv(4096)
            assert received, f"the client has gone after {self.commands}"
            pending += received
            while b"\r" in pending:
                line, pending = pending.split(b"\r", 1)
                command, *rest = line.decode().split()
                self.commands.append(" ".join([command, *rest]))
                if command == "END":
                    return first
                if command == "DATA" and rest:
                    first = int(rest[0], 16)
                hello = b"SeedLink v3.1 (2020.075) :: SLPROTO:3.1\r\nnowhere\r\n"
                answer = b"ERROR\r\n" if command == "STATION" and rest[0] == self.refused else b"OK\r\n"
                connection.sendall(hello if command == "HELLO" else answer)


def records_of(stream):
    """MiniSEED records in order of time."""
    found = []
    for trace in stream:
        buffer = io.BytesIO()
        trace.write(buffer, format="MSEED", reclen=512, encoding="STEIM2")
        content = buffer.getvalue()
        found += [content[i : i + 512] for i in range(0, len(content), 512)]
    return sorted(found, key=lambda record: get_record_information(io.BytesIO(record))["endtime"])


@pytest.fixture(scope="module")
def recording():
    """Three components of a local earthquake, in whole counts."""
    stream = obspy.read()
    for trace in stream:
        trace.data = np.round(trace.data).astype(np.int32)
    return stream


@pytest.fixture
def serve():
    """serve(stream, lost_after, how) -> a server that runs; it has ended when the test has."""
    servers = []

    def started(*arguments):
        servers.append(Server(*arguments))
        servers[-1].start()
        return servers[-1]

    yield started
    for server in servers:
        server.join(2 * PATIENCE_S)
        assert not server.is_alive()


def traces(server, patterns, **options):
    """The traces of all packets that come."""
    return [packet.trace for packet in packets(server, patterns, **options)]


@pytest.mark.parametrize(("how", "reason"), [("reset", "reset by peer"), ("close", "closed the connection")])
def test_every_sample_comes_once_also_after_a_lost_connection(how, reason, recording, serve):
    server, told = serve(recording, 7, how), []
    found = obspy.Stream(traces(server.address, ["BW.RJOB..EH?"], tell=told.append, pause_s=0.1))
    assert len(told) == 2 and reason in told[0] and "'" not in told[0] and told[1] == "packets come again"
    assert len(found) == len(server.records)
    for trace in found.merge():
        np.testing.assert_array_equal(trace.data, recording.select(channel=trace.stats.channel)[0].data)
    *negotiation, again, end = server.commands
    assert negotiation == [
        "HELLO",
        "STATION RJOB BW",
        "SELECT EH?",
        "DATA",
        "END",
        "HELLO",
        "STATION RJOB BW",
        "SELECT EH?",
    ]
    # A reset may also cost records that had come and were not read yet; those are asked for again.
    assert 0 < int(again.removeprefix("DATA "), 16) <= 7 and end == "END"


def test_a_refused_station_and_a_damaged_packet_are_told_and_all_else_comes(recording, serve):
    server, told = serve(recording, None, "", "AWAY"), []
    lost = obspy.read(io.BytesIO(server.records[3]))[0]
    server.records[3] = server.records[3][:48] + bytes(464)  # a header without blockettes
    patterns = ["BW.AWAY..EH?", "BW.RJOB..EH?"]
    found = traces(server.address, patterns, tell=told.append, pause_s=0.1)
    assert len(found) == len(server.records) - 1
    assert lost.stats.starttime not in [t.stats.starttime for t in found if t.id == lost.id]
    assert told[0] == "the server refuses 'STATION AWAY BW'"
    assert len(told) == 2 and re.match("a packet can't be read, and is left out: .*", told[1])


@pytest.mark.parametrize(("pattern", "location"), [("..EH?", ""), (".--.EH?", ""), (".1*.EH?", "10"), (".*.EH?", None)])
def test_a_location_selects_as_for_other_commands_whatever_the_server_sends(pattern, location, recording, serve):
    both, told = recording + recording.copy(), []
    for trace in both[3:]:
        trace.stats.location = "10"
    server = serve(both)
    found = traces(server.address, [f"BW.RJOB{pattern}"], tell=told.append)
    wanted = {trace.id for trace in both if location in (None, trace.stats.location)}
    assert {trace.id for trace in found} == wanted
    assert len(found) == len(server.records) * len(wanted) / 6
    left_out = {trace.id for trace in both} - wanted
    told_of = "comes, but is not selected, and left out; a location of * takes any"
    assert sorted(told) == sorted(f"{name} {told_of}" for name in left_out)
    assert server.commands[2] == f"SELECT {'1?' if location else ''}EH?"


def test_a_server_that_refuses_every_station_is_asked_again_and_one_that_says_nothing_too(monkeypatch):
    monkeypatch.setattr("seisnet.waveforms.seedlink.ANSWER_S", 0.05)
    told = []

    class Enough(BaseException):  # ObsPy catches every Exception
        pass

    def tell(reason):
        told.append(reason)
        if "trying again" in reason:
            raise Enough

    def answers(listening, *replies):
        connection, _ = listening.accept()
        with connection:
            for reply in replies:
                connection.recv(4096)
                connection.sendall(reply)
            while connection.recv(4096):  # until the client closes
                pass

    for replies in ([b"SeedLink v3.1 :: \r\nnowhere\r\n", b"ERROR\r\n"], []):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=answers, args=(listening, *replies), daemon=True)
            thread.start()
            address = f"127.0.0.1:{listening.getsockname()[1]}"
            with pytest.raises(Enough), closing(Connection(ConnectionLog(tell))) as connection:
                next(packets(address, ["BW.AWAY..EH?"], tell=tell, connect=lambda _, made=connection: made))
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
    assert told == [
        "the server refuses 'STATION AWAY BW'",
        "no stations accepted; trying again",
        "nothing was received for 0.05 s; trying again",
    ]


class FakePacket:
    def __init__(self, trace):
        self.trace = trace

    def get_trace(self):
        return self.trace

    def get_sequence_number(self):
        return 0


class FakeConnection:
    """Gives what it is told to, as ObsPy's SeedLinkConnection does."""

    terminate_flag = False

    def __init__(self, script):
        self.script, self.streams = iter(script), []

    def set_sl_address(self, address):
        self.address = address

    def set_net_delay(self, seconds):
        pass

    def add_stream(self, network, station, selector, seqnum, timestamp):
        self.streams.append((network, station, selector))

    def collect(self):
        step = next(self.script)
        if isinstance(step, Exception):
            raise step
        return step


def test_a_lost_connection_and_an_error_of_the_server_are_told_and_the_stream_goes_on(make_trace):
    sent = [make_trace(np.arange(5)), make_trace(np.arange(7)), make_trace(np.arange(9))]
    gone = [OSError("gone"), OSError("gone"), OSError("no\nroute"), OSError("gone")]
    script = [FakePacket(sent[0]), *gone, FakePacket(sent[1]), b"SLERROR", None, gone[0]]
    script += [FakePacket(sent[2]), b"SLTERMINATE"]
    connection, told = FakeConnection(script), []
    patterns = ["GE.APE..HH?", "CH.A.00.HHZ", "GE.APE..*z", "GE.APE.0*.*", "GE.APE.--.H*", "GE.APE.*.H*Z"]
    found = traces("localhost:18000", patterns, tell=told.append, connect=lambda _: connection, pause_s=0.0)
    assert found == sent
    rest = [("GE", "APE", selector) for selector in ("??Z", "0????", "H??", "H?Z")]
    assert connection.streams == [("GE", "APE", "HH?"), ("CH", "A", "00HHZ"), *rest]
    assert told == [
        *(f"{reason}; trying again" for reason in ("gone", "no route")),  # once, however long it lasts
        "packets come again",
        *(f"{reason}; trying again" for reason in ("the server has reported an error", "gone")),
        "packets come again",
    ]


def test_whatever_a_server_says_is_told_in_one_short_line():
    connection, told = FakeConnection([OSError("\0\x1b[2J\n" + "no " * 500), b"SLTERMINATE"]), []
    assert not list(packets("localhost:18000", [], tell=told.append, connect=lambda _: connection, pause_s=0.0))
    [line] = told
    assert line.startswith("[2J no no no") and line.endswith("; trying again") and len(line) < 220


def test_packets_of_a_clock_on_local_time_are_left_out_since_all_others_would_be_late(recording):
    streaming, ahead = load_model("phase").stream(), recording.copy()
    for trace in ahead:
        trace.stats.starttime += 3600
    now_ns = recording[0].stats.endtime.ns
    found = streaming.add(ahead, now_ns=now_ns) + streaming.add(recording, now_ns=now_ns) + streaming.finish()
    assert found == list(load_model("phase").classify(recording))
    assert [(r.trace_id, r.start_ns, r.reason) for r in streaming.rejections] == [
        ("BW.RJOB..EH", ahead[0].stats.starttime.ns, EARLY)
    ] * 3


@pytest.mark.parametrize(
    ("server", "select"),
    [
        ("localhost", "BW.RJOB..EH?"),
        ("localhost:x", "BW.RJOB..EH?"),
        ("localhost:65536", "BW.RJOB..EH?"),
        ("http://localhost:18000", "BW.RJOB..EH?"),
        ("localhost:18000", "BW.*..EH?"),
        ("localhost:18000", "BW.RJOB"),
        ("localhost:18000", "BW.RJOB..EHZZ"),
        ("localhost:18000", "BW.RJOB..[BE]HZ"),
        ("localhost:18000", "BW.RJOB.0.EH?"),
    ],
)
def test_a_wrong_address_or_pattern_makes_no_file_and_takes_none_away(server, select, tmp_path):
    (tmp_path / "old.csv").write_text("precious")
    for name, more in (("old.csv", ["--overwrite"]), ("new.csv", [])):
        with pytest.raises(
            ConfigError, match=r"is not (of the form|HOST:PORT with a port below 65536)|a channel three"
        ):
            CliRunner().invoke(
                cli,
                ["stream", server, "--select", select, "-o", str(tmp_path / name), *more],
                catch_exceptions=False,
            )
    with pytest.raises(ConfigError, match="use overwrite=True"):
        what = ["stream", server, "--select", select, "-o", str(tmp_path / "old.csv")]
        CliRunner().invoke(cli, what, catch_exceptions=False)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


def test_the_picks_of_a_stream_are_those_of_its_recording(recording, serve, tmp_path, make_trace):
    coarse = np.random.default_rng(0).integers(2**24, size=300, dtype=np.int32)  # too many digits for one packet
    sent = recording + make_trace(coarse, "BW.RJOB..LOG", rate_hz=1.0)
    server, output, config = serve(sent), tmp_path / "picks.csv", tmp_path / "c.toml"
    config.write_text("[pick]\ncoincidence = 3\n")
    output.write_text("of another stream")
    what = [server.address, "--select", "BW.RJOB..*", "-o", str(output), "--config", str(config), "--overwrite"]
    done = CliRunner().invoke(cli, ["stream", *what])
    assert done.exit_code == 0, done.output
    assert "ignored in a stream" in done.stderr and f"picks from {len(server.records)} packets" in done.stderr
    slow = "not used: sampled at 1 Hz; 10 Hz is the minimum for 100 Hz"
    at_once, at_the_end = done.stderr.split(" packets\n")
    assert re.findall(f"BW.RJOB..LO .*: {slow[10:]}\n", at_once) and re.search(rf"{slow} \(\d+ times\)\n", at_the_end)
    expected = load_model("phase").classify(recording)
    assert expected
    assert output.read_text() == picks_csv(expected)


def test_a_stream_that_was_killed_is_resumed_from_the_server_s_buffer(serve, tmp_path, make_trace, monkeypatch):
    stream, output, config = stream_of(bursts(20_000, every=700), make_trace), tmp_path / "p.csv", tmp_path / "c.toml"
    config.write_text("[pick]\nrival_s = 5\n")
    n_sent = round(0.85 * len(records_of(stream)))
    server = serve(stream, n_sent, "end")
    monkeypatch.setattr("seisnet.model.load_model", lambda name: MODEL)
    monkeypatch.setattr("seisnet.cli.stream.STATUS_S", (0.0, 0.0))
    monkeypatch.setattr("seisnet.model.Model.margin_s", lambda *_: 0.0)  # these picks depend on little around them
    monkeypatch.setattr("seisnet.waveforms.arrivals.MARK_S", 10)
    what = [server.address, "--select", "GE.APE..HH?", "-o", str(output), "--config", str(config), "--resume"]

    def run(*more):
        done = CliRunner().invoke(cli, ["stream", *what, *more])
        assert done.exit_code == 0, done.output
        return output.read_text().splitlines(), done.stderr

    expected = picks_csv(MODEL.classify(stream, PickConfig(rival_s=5.0))).splitlines()
    with monkeypatch.context() as killed:
        killed.setattr("seisnet.streaming.Streaming.finish", lambda self: [])
        first, said = run()
    assert first == expected[: len(first)] and 10 < len(first) < len(expected) - 3
    assert re.search(
        r"picks from \d+ packets; 1 of 1 station heard, latency \d+ days \(median; GE.APE: \d+ days\)\n", said
    )
    assert "not known" not in said
    again, said = run("-q")
    assert again[: len(first)] == first and sorted(again[1:], key=lambda row: row.split(",")[5]) == expected[1:]
    assert said == ""
    [asked] = [command for command in server.commands if command.startswith("DATA 0x")]
    assert 0 < int(asked.split()[1], 16) < n_sent - 50


def test_a_stream_is_resumed_with_what_is_known_and_says_what_is_not(recording, serve, tmp_path):
    output, places = tmp_path / "picks.csv", tmp_path / "picks.seedlink.json"
    output.write_text(picks_csv([]))
    server = serve(recording)
    what = ["stream", server.address, "--select", "BW.RJOB..EH?", "-o", str(output), "--resume"]
    places.write_text('{"server": "elsewhere:1", "stations": {}}')
    with pytest.raises(DataError, match="of server elsewhere:1"):
        CliRunner().invoke(cli, what, catch_exceptions=False)
    long_ago = recording[0].stats.starttime.ns - 3600 * 10**9
    place = {"sequence": 7, "settled_ns": {"BW.RJOB..EH": long_ago}, "newest_ns": long_ago}
    places.write_text(json.dumps({"server": server.address, "stations": {"BW.RJOB": place}}))
    done = CliRunner().invoke(cli, [*what, "--select", "BW.MANZ..EH?"])
    assert done.exit_code == 0, done.output
    assert "where the last run stopped with BW.MANZ" in done.stderr
    assert "BW.RJOB: no data from 2009-08-23T23:20:0" in done.stderr
    assert server.commands[:4] == ["HELLO", "STATION RJOB BW", "SELECT EH?", "DATA 0x7"]
    assert list(json.loads(places.read_text())["stations"]) == ["BW.RJOB"]


def test_a_stream_is_rotated_by_its_inventory_as_a_recording_is(recording, serve, tmp_path):
    axes = {"U": (90.0, -35.264), "V": (330.0, -35.264), "W": (210.0, -35.264)}
    askew, channels = recording.copy(), []
    motion = np.stack([recording.select(component=letter)[0].data for letter in "ZNE"])
    for trace, data, (letter, (azimuth, dip)) in zip(
        askew, directions(list(axes.values())) @ motion, axes.items(), strict=True
    ):
        trace.stats.channel, trace.data = f"EH{letter}", np.round(data).astype(np.int32)
        channels.append(Channel(f"EH{letter}", "", 0.0, 0.0, 0.0, 0.0, azimuth=azimuth, dip=dip))
    networks = [Network("BW", stations=[Station("RJOB", 0.0, 0.0, 0.0, channels=channels)])]
    inventory, output = Inventory(networks, source="test"), tmp_path / "picks.csv"
    inventory.write(str(tmp_path / "s.xml"), format="STATIONXML")
    expected = load_model("phase").classify(askew, inventory=inventory)
    assert len(expected) > 1
    server = serve(askew)
    what = [server.address, "--select", "BW.RJOB..EH?", "-o", str(output), "--inventory", str(tmp_path / "s.xml")]
    done = CliRunner().invoke(cli, ["stream", *what, "--overwrite"])  # of nothing, which is no error
    assert done.exit_code == 0, done.output
    assert output.read_text() == picks_csv(expected)
    with pytest.raises(DataError, match="no such file"):
        CliRunner().invoke(cli, ["stream", *what, "--overwrite", "--inventory", "none.xml"], catch_exceptions=False)
    assert output.read_text() == picks_csv(expected)


def test_sigterm_ends_a_stream_and_writes_the_picks_that_are_still_open(recording, serve, tmp_path):
    server = serve(recording, len(records_of(recording)), "silent")
    output, expected = tmp_path / "picks.csv", load_model("phase").classify(recording)
    command = [sys.executable, "-m", "seisnet", "stream", server.address, "--select", "BW.RJOB..EH?", "-o", str(output)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert server.silent.wait(60)  # every packet has been used, for the connection was lost since
        assert output.read_text() != picks_csv(expected)
        for _ in range(2):  # as `timeout` does
            process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, told
    assert "stream: stopped" in told and f"picks from {len(server.records)} packets" in told
    assert output.read_text() == picks_csv(expected)


def test_a_signal_waits_for_what_is_done_with_a_packet_and_means_afterwards_what_it_did_before():
    numbers = (signal.SIGINT, signal.SIGTERM, *HANG_UP)
    before = [signal.getsignal(number) for number in numbers]
    for number in numbers:
        done = []
        with Stop() as stop:
            for packet in stop.until_asked(iter("ab")):
                os.kill(os.getpid(), number)
                done.append(packet)
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("finished")
        assert stop.asked and done == ["a", "finished"]
        assert [signal.getsignal(n) for n in numbers] == before
    with pytest.raises(KeyboardInterrupt), Stop():
        for _ in range(2):  # whoever presses Ctrl-C twice is in a hurry
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.skipif(not HANG_UP, reason="Windows has no such signal")
def test_a_signal_that_nohup_ignores_stays_ignored():
    [number] = HANG_UP
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), number)
            assert list(stop.until_asked(iter("ab"))) == ["a", "b"]
    finally:
        signal.signal(number, before)
