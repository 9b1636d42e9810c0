"""The server answers this machine's user only: real requests over a real port."""

import http.client
import json
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from seisnet.errors import ConfigError, DataError
from seisnet.report.serving import HTML, LARGEST_BODY, LocalServer, Reply


@contextmanager
def running(server):
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
        server.__exit__(None, None, None)


def echo(request):
    if request.path == "wrong":
        raise DataError("no <such> pick")
    if request.path == "gone":
        return None
    return Reply(json.dumps([request.method, request.path, dict(request.query), dict(request.body)]).encode())


@pytest.fixture(scope="module")
def server():
    with running(LocalServer(echo)) as started:
        yield started


def ask(server, path, *, method="GET", body=None, token=None, **headers):
    """Send a request; the token goes in front of the path."""
    token = urlsplit(server.url).path.strip("/") if token is None else token
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, f"/{token}/{path}" if token else f"/{path}", body, named)
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    return reply, content


def test_a_request_with_the_token_is_answered_and_framed_by_nobody(server):
    reply, content = ask(server, "view?pick=a%20b&empty=")
    assert json.loads(content) == ["GET", "view", {"pick": "a b", "empty": ""}, {}]
    assert (reply.status, reply.headers["Content-Type"]) == (200, HTML)
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("token", ["", "x", "%C3%A9", "%00", "..", "x" * 5000])
def test_a_request_without_the_token_is_refused(server, token):
    reply, content = ask(server, "view", token=token)
    assert reply.status == 403 and b"token" in content


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "127.0.0.1:1"}, {"Origin": "http://evil.example"}, {"Origin": "null"}],
)
def test_pages_of_other_sites_are_refused_whatever_they_know(server, headers):
    reply, content = ask(server, "view", **headers)
    assert reply.status == 403 and b"own address" in content


def test_json_is_posted_and_nothing_else(server):
    kind = {"Content_Type": "application/json"}
    _, content = ask(server, "answer", method="POST", body='{"a": 1}', **kind)
    assert json.loads(content) == ["POST", "answer", {}, {"a": 1}]
    for body, headers in (
        ("{", kind),
        ("[1]", kind),
        (b"\xff", kind),
        ("[" * 50_000, kind),
        ('{"a": 1}', {"Content_Type": "text/plain"}),
        ("x" * (LARGEST_BODY + 1), kind),
    ):
        reply, _ = ask(server, "answer", method="POST", body=body, **headers)
        assert reply.status == 400
    assert ask(server, "view", method="PUT")[0].status == 501


def test_errors_reach_the_page_as_data(server):
    reply, content = ask(server, "wrong")
    assert (reply.status, json.loads(content)) == (400, {"error": "no <such> pick"})
    assert ask(server, "gone")[0].status == 404


def test_tokens_differ_and_a_taken_port_is_one_line(server):
    with running(LocalServer(echo)) as other:
        assert other.url != server.url
        assert ask(server, "view", token=urlsplit(other.url).path.strip("/"))[0].status == 403
    with pytest.raises(ConfigError, match="is not available"):
        LocalServer(echo, port=server.port)


def test_a_slow_page_keeps_no_answer_waiting():
    reading, answered = threading.Event(), threading.Event()

    def answer(request):
        if request.method == "POST":
            answered.set()
        else:
            reading.set()
            assert answered.wait(20)
        return Reply(b"{}")

    with running(LocalServer(answer)) as server:
        slow = threading.Thread(target=ask, args=(server, "waveform"))
        slow.start()
        assert reading.wait(20)
        reply, _ = ask(server, "answer", method="POST", body="{}", Content_Type="application/json")
        assert reply.status == 200
        slow.join()
