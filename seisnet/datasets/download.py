"""Files over HTTP: they appear whole or not at all, and a download that broke goes on where it stopped.

The bytes go to ``NAME.part``; ``NAME.part.json`` beside it says which version of the file they are of (its ETag,
else its date of change). The next try asks for the rest of that version only. A server that can't send a rest,
or that has another version by now, is asked for the whole. What is complete is checked, flushed to disk and
renamed; what fails a check is deleted, for it would fail again.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path

from seisnet.errors import DataError
from seisnet.store.files import sha256_of, writes

BLOCK_BYTES = 1 << 20
TIMEOUT_S = 30.0
PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
"""Answers that may be different in a moment, as are all from 500 up."""

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes of the whole file, 0 where the server does not say."""


class _BrokenError(Exception):
    """A try that failed in a way that another one may not."""


@dataclass(frozen=True, slots=True)
class _Version:
    """Which version of which file a part is of."""

    url: str
    validator: str
    total: int


def fetch(
    url: str,
    output: Path,
    *,
    size_bytes: int = 0,
    sha256: str = "",
    tries: int = 5,
    pause_s: float = 2.0,
    progress: Progress | None = None,
) -> None:
    """Download a file, replacing `output` in one step when it is complete and right.

    Parameters
    ----------
    size_bytes, sha256 : int, str
        What the file must have; 0 and empty where nobody knows.
    tries : int
        How often in a row the connection may break without one new byte.

    Raises
    ------
    DataError
        The server does not have the file, is not reached or breaks off; the file has another size or checksum;
        or the disk is full. `output` is then as it was.
    """
    part = output.with_name(f"{output.name}.part")
    left = tries
    while True:
        before = _size(part)
        try:
            _receive(url, part, size_bytes, progress)
            break
        except _BrokenError as error:
            left = tries if _size(part) > before else left - 1
            if not left:
                raise DataError(f"{url}: {error}; what has arrived is kept; fetch again to continue") from None
            time.sleep(pause_s)
    try:
        check(part, url, size_bytes=size_bytes, sha256=sha256)
    except DataError as error:
        _discard(part)
        raise DataError(f"{error}; the download has been deleted") from None
    with writes(output):
        part.replace(output)
        _note(part).unlink(missing_ok=True)


def check(path: Path, name: str, *, size_bytes: int = 0, sha256: str = "") -> None:
    """Raise `DataError` if a file has not the size or the checksum that it must have."""
    if size_bytes and _size(path) != size_bytes:
        raise DataError(f"{name}: has {_size(path)} bytes, but the published size is {size_bytes}")
    if sha256 and (found := sha256_of(path)) != sha256:
        raise DataError(f"{name}: its SHA-256 is {found}, but the published one is {sha256}")


def remote_size(url: str) -> int | None:
    """Bytes of a file on a server, 0 where the server does not say, None where there is no such file.

    Raises
    ------
    DataError
        The server is not reached, or refuses.
    """
    with _asked(url) as response:
        return None if response is None else response.length or 0


def remote_text(url: str) -> str | None:
    """Read a small text file on a server; None where there is no such file.

    Raises
    ------
    DataError
        The server is not reached, breaks off, or refuses.
    """
    with _asked(url) as response:
        return None if response is None else response.read(BLOCK_BYTES).decode("utf-8", "replace")


@contextmanager
def _asked(url: str) -> Iterator[http.client.HTTPResponse | None]:
    try:
        with _open(url, {}) as response:
            yield response
    except urllib.error.HTTPError as error:
        with error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise _refusal(url, error) from None
        yield None
    except (OSError, http.client.HTTPException) as error:
        raise DataError(f"{url}: {_reason(error)}") from None


def _receive(url: str, part: Path, size_bytes: int, progress: Progress | None) -> None:
    """Bring a part as far as one connection does; return when it is complete."""
    known = _known_version(url, part)
    offset = _size(part) if known else 0
    if known and known.total and offset >= known.total:
        if offset == known.total:
            return
        offset = 0
    try:
        rest = {"Range": f"bytes={offset}-", "If-Range": known.validator} if known and offset else {}
        response = _open(url, rest)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                _discard(part)
                raise _BrokenError("the file has changed on the server") from None
            if error.code in PASSING or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise _BrokenError(f"the server answered {error.code} {error.reason}") from None
            raise _refusal(url, error) from None
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error)) from None
    with response:
        version = _Version(url, _validator(response), _total(response, offset))
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            offset = 0
        elif not _continues(version, known):
            _discard(part)
            raise _BrokenError("the file has changed on the server")
        if size_bytes and version.total not in (0, size_bytes):
            raise DataError(f"{url}: has {version.total} bytes, but the published size is {size_bytes}")
        _write(response, part, version, offset, progress)
    if version.total and _size(part) != version.total:
        raise _BrokenError(f"the connection broke after {_size(part)} of {version.total} bytes")


def _write(
    response: http.client.HTTPResponse,
    part: Path,
    version: _Version,
    offset: int,
    progress: Progress | None,
) -> None:
    free = shutil.disk_usage(part.parent).free + (_size(part) if not offset else 0)
    if version.total - offset > free:
        raise DataError(
            f"{part.parent}: has {free / 1e9:.1f} GB free; {(version.total - offset) / 1e9:.1f} GB are still to come"
        )
    with writes(part):
        if not offset:
            _discard(part)
            # Before the first byte: a part never goes on as another version than it began.
            if version.validator:
                _note(part).write_text(json.dumps(asdict(version)), encoding="utf-8")
        with part.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            for block in _blocks(response):
                file.write(block)
                if progress is not None:
                    progress(file.tell(), version.total)
            file.flush()
            os.fsync(file.fileno())


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Read a response to its end or to where the connection breaks."""
    while True:
        try:
            block = response.read1(BLOCK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise _BrokenError(f"the connection broke: {_reason(error)}") from None
        if not block:
            return
        yield block


def _open(url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    headers = {"User-Agent": "seisnet", "Accept-Encoding": "identity", **headers}
    response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    if not isinstance(response, http.client.HTTPResponse):
        response.close()
        raise DataError(f"{url}: redirects to an address that is not HTTP")
    if (coding := response.headers.get("Content-Encoding", "identity")) != "identity":
        response.close()
        raise DataError(f"{url}: the server sends it as {coding}; the bytes as they are were asked for")
    return response


def _continues(version: _Version, known: _Version | None) -> bool:
    """Whether the rest that a server sends is of the version that was begun.

    It must repeat the ETag, but not the date (RFC 9110, 15.3.7).
    """
    if known is None or version.total != known.total:
        return False
    return version.validator == known.validator or not (version.validator or known.validator.startswith('"'))


def _total(response: http.client.HTTPResponse, offset: int) -> int:
    """Bytes of the whole file; 0 where the server does not say."""
    if response.status != HTTPStatus.PARTIAL_CONTENT:
        return response.length or 0
    said = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", "").strip())
    return int(said[2]) if said and int(said[1]) == offset else -1  # of no version


def _validator(response: http.client.HTTPResponse) -> str:
    """What names this version of the file for If-Range; a weak ETag does not."""
    tag = response.headers.get("ETag", "")
    return response.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag


def _known_version(url: str, part: Path) -> _Version | None:
    if not part.is_file():
        return None
    try:
        version = _Version(**json.loads(_note(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # no note, or one that was cut short: begin again
        return None
    return version if version.url == url else None


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _discard(part: Path) -> None:
    _note(part).unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def _refusal(url: str, error: urllib.error.HTTPError) -> DataError:
    return DataError(f"{url}: the server answered {error.code} {error.reason}")


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason) or type(error).__name__
