"""Pages for the user of this machine: HTTP on 127.0.0.1, with no answer to a request without the token.

Other users and other programs of the machine, and pages of other sites in the same browser, can reach the port, but
do not know the token; a site that points its own name at 127.0.0.1 is refused by its ``Host``.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from seisnet.errors import ConfigError, SeisnetError

HOST = "127.0.0.1"
LARGEST_BODY = 1 << 16
HTML, JSON = "text/html; charset=utf-8", "application/json"
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The policy of replies that are no pages: should a browser show one as a page, nothing in it can act."""


@dataclass(frozen=True)
class Request:
    """What the browser asks for.

    Attributes
    ----------
    method : {"GET", "POST"}
    path : str
        What follows the token, without a slash in front.
    query : mapping of str to str
    body : dict
        The JSON object that was posted, else empty.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """What the browser gets; `policy` is the Content-Security-Policy of a page."""

    body: bytes
    kind: str = HTML
    policy: str = NOTHING
    status: int = HTTPStatus.OK


class LocalServer:
    """Serves the replies of one function; a context manager that closes the port.

    Parameters
    ----------
    answer : callable
        Request to Reply, or to None where there is no such page; called by several threads at once. Errors of
        seisnet's reach the browser as their message, with status 400.
    port : int
        0 takes any that is free.

    Attributes
    ----------
    url : str
        The address to open, with the token.

    Raises
    ------
    ConfigError
        If the port is taken.
    """

    def __init__(self, answer: Callable[[Request], Reply | None], *, port: int = 0) -> None:
        self._answer = answer
        self._token = secrets.token_urlsafe(16)
        handler = type("Handler", (_Handler,), {"local": self})
        try:
            self._server = _Server((HOST, port), handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"port {port} on {HOST} is not available: {error}; choose another, or 0 for any"
            ) from error
        self.port = int(self._server.server_address[1])
        self.url = f"http://{HOST}:{self.port}/{self._token}/"

    def run(self) -> None:
        """Serve until `stop` is called from another thread, or the process is interrupted."""
        self._server.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """End `run`."""
        self._server.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def may(self, host: str, origin: str) -> bool:
        """Whether a request is addressed to this server by its name, and not sent by a page of another site."""
        names = {f"{HOST}:{self.port}", f"localhost:{self.port}"}
        return host in names and origin in {"", *(f"http://{name}" for name in names)}

    def knows(self, token: str) -> bool:
        """Whether a token is the right one."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self._token.encode())

    def reply_to(self, request: Request) -> Reply:
        """Answer a request that may be answered."""
        try:
            found = self._answer(request)
        except SeisnetError as error:
            return Reply(json.dumps({"error": str(error)}).encode(), JSON, NOTHING, HTTPStatus.BAD_REQUEST)
        return found or Reply(b"no such page\n", "text/plain; charset=utf-8", NOTHING, HTTPStatus.NOT_FOUND)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Elsewhere this lets a port be used again at once; on Windows two servers would share it.
    allow_reuse_address = os.name != "nt"
    request_queue_size = 16

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore browsers that hang up; print everything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    local: LocalServer
    server_version, sys_version = "seisnet", ""
    timeout = 60.0

    def do_GET(self) -> None:
        """Reply to a request for a page or for data."""
        self._reply("GET")

    def do_POST(self) -> None:
        """Reply to an answer."""
        self._reply("POST")

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the terminal belongs to the command."""

    def _reply(self, method: str) -> None:
        reply = self._refusal(method)
        if reply is None:
            address = urlsplit(self.path)
            path = address.path.lstrip("/").partition("/")[2]
            try:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"]))) if method == "POST" else {}
            except (ValueError, RecursionError):
                body = None
            if isinstance(body, dict):
                query = dict(parse_qsl(address.query, keep_blank_values=True))
                reply = self.local.reply_to(Request(method, path, query, body))
            else:
                reply = _refused(HTTPStatus.BAD_REQUEST, "not a JSON object")
        self.send_response(reply.status)
        for name, value in (
            ("Content-Type", reply.kind),
            ("Content-Length", str(len(reply.body))),
            ("Content-Security-Policy", reply.policy),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def _refusal(self, method: str) -> Reply | None:
        token = urlsplit(self.path).path.lstrip("/").partition("/")[0]
        if not self.local.may(self.headers.get("Host", ""), self.headers.get("Origin", "")):
            return _refused(HTTPStatus.FORBIDDEN, "this server answers to its own address only")
        if not self.local.knows(token):
            return _refused(
                HTTPStatus.FORBIDDEN, "the token is missing or wrong: open the address that seisnet printed"
            )
        if method == "GET":
            return None
        length = self.headers.get("Content-Length", "")
        if self.headers.get_content_type() != JSON or not length.isdecimal() or int(length) > LARGEST_BODY:
            return _refused(HTTPStatus.BAD_REQUEST, f"JSON of at most {LARGEST_BODY} bytes is needed")
        return None


def _refused(status: int, why: str) -> Reply:
    return Reply(f"{why}\n".encode(), "text/plain; charset=utf-8", NOTHING, status)
