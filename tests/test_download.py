"""Downloads over HTTP, from a server on this machine that breaks off, forgets and changes its mind."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

from seisnet.datasets import download
from seisnet.datasets.download import fetch, remote_size, remote_text
from seisnet.errors import DataError

CONTENT = np.random.default_rng(0).bytes(3_000_000)


class Server:
    """Serves `content` at /file; `breaks` says after how many bytes the next answers stop."""

    def __init__(self):
        self.content, self.etag, self.modified = CONTENT, '"one"', ""
        self.ranges = self.length = True
        self.heeds_if_range = self.names_rest = True
        self.headers = {}
        self.breaks, self.pause_s, self.errors = [], 0.0, []
        self.asked = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/file"
        self.thread = Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def answer(self, request):
        span = request.headers.get("Range")
        self.asked.append((request.path, span))
        if self.errors or request.path != "/file":
            request.send_error(self.errors.pop(0) if self.errors else 404)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", span)[1]) if span and self.ranges else 0
        if self.heeds_if_range and request.headers.get("If-Range") not in (None, self.etag, self.modified):
            start = 0
        if start >= len(self.content):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        headers = {"Content-Length": str(len(self.content) - start)} if self.length else {}
        if self.names_rest or not start:
            headers |= {"ETag": self.etag, "Last-Modified": self.modified}
        for name, value in (headers | self.headers).items():
            if value:
                request.send_header(name, value)
        request.end_headers()
        end = self.breaks.pop(0) if self.breaks else len(self.content)
        for begin in range(start, end, 100_000):
            try:
                request.wfile.write(self.content[begin : min(begin + 100_000, end)])
            except OSError:  # the one who asked is gone
                return
            time.sleep(self.pause_s)


@pytest.fixture(name="server")
def make_server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    yield server
    server.close()


@pytest.fixture(name="output")
def make_output(tmp_path):
    return tmp_path / "waveforms.hdf5"


def names(output):
    return sorted(path.name for path in output.parent.iterdir())


def spans(server):
    return [span for _, span in server.asked]


def test_a_whole_download(server, output):
    seen = []
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    fetch(server.url, output, size_bytes=len(CONTENT), sha256=sha256, progress=lambda *args: seen.append(args))
    assert output.read_bytes() == CONTENT
    assert names(output) == [output.name]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_without_a_length_the_end_is_the_end(server, output):
    server.length = False
    fetch(server.url, output)
    assert output.read_bytes() == CONTENT


def test_a_broken_download_goes_on_where_it_stopped(server, output):
    server.breaks = [1_234_567, 1_234_567]  # the second time without one new byte
    with pytest.raises(DataError, match=r"broke after 1234567 of 3000000 bytes; .* fetch again to continue"):
        fetch(server.url, output, tries=1, pause_s=0)
    assert names(output) == ["waveforms.hdf5.part", "waveforms.hdf5.part.json"]
    fetch(server.url, output, sha256=hashlib.sha256(CONTENT).hexdigest())
    assert output.read_bytes() == CONTENT
    assert names(output) == [output.name]
    assert spans(server) == [None, "bytes=1234567-", "bytes=1234567-"]


def test_a_date_of_change_will_do_where_there_is_no_strong_etag(server, output):
    server.etag, server.modified = 'W/"weak"', "Tue, 24 Nov 2026 10:00:00 GMT"
    server.breaks = [1_000_000]
    fetch(server.url, output, pause_s=0)
    assert output.read_bytes() == CONTENT
    assert spans(server) == [None, "bytes=1000000-"]


def test_it_tries_again_by_itself_as_long_as_bytes_come(server, output):
    server.breaks = [1_000_000, 2_000_000, 2_500_000]
    fetch(server.url, output, tries=2, pause_s=0)
    assert output.read_bytes() == CONTENT
    assert spans(server) == [None, "bytes=1000000-", "bytes=2000000-", "bytes=2500000-"]
    server.errors = [503, 503]
    with pytest.raises(DataError, match="the server answered 503"):
        fetch(server.url, output, tries=2, pause_s=0)
    server.errors = [503, 429]
    fetch(server.url, output, tries=3, pause_s=0)


def test_a_server_without_ranges_is_asked_for_the_whole(server, output):
    server.ranges, server.breaks = False, [1_000_000]
    fetch(server.url, output, pause_s=0)
    assert output.read_bytes() == CONTENT


def test_without_etag_and_date_it_begins_again(server, output):
    server.etag, server.breaks = "", [1_000_000]
    fetch(server.url, output, pause_s=0)
    assert output.read_bytes() == CONTENT
    assert spans(server) == [None, None]


def test_a_rest_need_not_repeat_the_date(server, output):
    server.etag, server.modified, server.names_rest = "", "Tue, 24 Nov 2026 10:00:00 GMT", False
    server.breaks = [1_000_000]
    fetch(server.url, output, pause_s=0)
    assert output.read_bytes() == CONTENT
    assert spans(server) == [None, "bytes=1000000-"]


@pytest.mark.parametrize(("heeds_if_range", "names_rest"), [(True, True), (False, True), (False, False)])
def test_a_file_that_changed_between_two_tries_is_fetched_whole(server, output, heeds_if_range, names_rest):
    server.breaks = [1_000_000, 1_000_000]
    with pytest.raises(DataError, match="broke"):
        fetch(server.url, output, tries=1, pause_s=0)
    server.content, server.etag, server.heeds_if_range = CONTENT[::-1], '"two"', heeds_if_range
    server.names_rest = names_rest
    fetch(server.url, output, pause_s=0)
    assert output.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("note", ["", "{}", "[1]", '{"url": "other", "validator": "x", "total": 5}'])
def test_a_part_that_nobody_can_place_is_not_built_upon(server, output, note):
    output.with_name("waveforms.hdf5.part").write_bytes(b"something else")
    output.with_name("waveforms.hdf5.part.json").write_text(note)
    fetch(server.url, output)
    assert output.read_bytes() == CONTENT
    assert spans(server) == [None]


def test_a_part_that_is_complete_needs_no_server(server, output):
    note = {"url": server.url, "validator": '"one"', "total": len(CONTENT)}
    output.with_name("waveforms.hdf5.part").write_bytes(CONTENT)
    output.with_name("waveforms.hdf5.part.json").write_text(json.dumps(note))
    fetch(server.url, output)
    assert output.read_bytes() == CONTENT
    assert server.asked == []


def test_a_part_longer_than_the_file_is_not_kept(server, output):
    note = {"url": server.url, "validator": '"one"', "total": 0}
    output.with_name("waveforms.hdf5.part").write_bytes(CONTENT + b"more")
    output.with_name("waveforms.hdf5.part.json").write_text(json.dumps(note))
    fetch(server.url, output, pause_s=0)
    assert output.read_bytes() == CONTENT


def test_a_wrong_checksum_is_one_error_and_leaves_the_output(server, output):
    output.write_bytes(b"an older one")
    with pytest.raises(
        DataError, match=r"its SHA-256 is \w{64}, but the published one is 00; the download has been deleted"
    ):
        fetch(server.url, output, sha256="00")
    assert output.read_bytes() == b"an older one"
    assert names(output) == [output.name]


def test_a_wrong_size_is_refused_before_the_first_byte(server, output):
    with pytest.raises(DataError, match="has 3000000 bytes, but the published size is 7"):
        fetch(server.url, output, size_bytes=7)
    assert names(output) == []
    server.length = False  # now it shows only at the end
    with pytest.raises(
        DataError, match="has 3000000 bytes, but the published size is 7; the download has been deleted"
    ):
        fetch(server.url, output, size_bytes=7)
    assert names(output) == []


def test_a_file_in_a_coding_that_nobody_asked_for_is_refused(server, output):
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(DataError, match="the server sends it as gzip; the bytes as they are were asked for"):
        fetch(server.url, output)
    assert names(output) == []


@pytest.mark.parametrize("length", ["abc", "-5"])
def test_a_length_that_is_none_is_not_known(server, output, length):
    server.headers = {"Content-Length": length}
    fetch(server.url, output)
    assert output.read_bytes() == CONTENT
    assert remote_size(server.url) == 0


def test_what_is_not_there_or_not_reached_is_one_line(server, output):
    with pytest.raises(DataError, match="missing: the server answered 404 Not Found"):
        fetch(server.url.replace("file", "missing"), output)
    assert len(server.asked) == 1  # a second try would not help
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/file: .*refused"):
        fetch("http://127.0.0.1:9/file", output, tries=1)
    with pytest.raises(DataError, match="refused"):
        remote_size("http://127.0.0.1:9/file")
    assert names(output) == []


def test_the_disk_is_asked_first(server, output, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1_000_000}))
    with pytest.raises(DataError, match=r"has 0\.0 GB free; 0\.0 GB are still to come"):
        fetch(server.url, output)
    assert names(output) == []


def test_what_a_server_says_of_a_file(server):
    server.content = b"a\nb\n"
    missing = server.url.replace("file", "missing")
    assert (remote_size(server.url), remote_size(missing)) == (4, None)
    assert (remote_text(server.url), remote_text(missing)) == ("a\nb\n", None)
    server.length = False
    assert remote_size(server.url) == 0
    server.errors = [403]
    with pytest.raises(DataError, match="the server answered 403"):
        remote_text(server.url)


def test_killed_in_the_middle_it_goes_on(server, output):
    server.pause_s = 0.05
    code = (
        "from pathlib import Path; from seisnet.datasets.download import fetch; "
        f"fetch({server.url!r}, Path({str(output)!r}))"
    )
    part = output.with_name("waveforms.hdf5.part")
    for least in (200_000, 1_500_000):
        process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "NO_PROXY": "127.0.0.1"})
        while process.poll() is None and not (part.exists() and part.stat().st_size > least):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not output.exists()
    server.pause_s = 0.0
    arrived = part.stat().st_size
    fetch(server.url, output)
    assert output.read_bytes() == CONTENT
    assert spans(server)[-1] == f"bytes={arrived}-"
    assert int(spans(server)[1].removeprefix("bytes=").removesuffix("-")) > 0
