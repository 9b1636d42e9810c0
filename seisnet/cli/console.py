"""What the commands share: options, progress on stderr, and the summary of what could not be used."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seisnet.report.serving import LocalServer

PLAIN_INTERVAL_S = 30.0

output_file = click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="File to write; it appears whole."
)
overwrite = click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
config_file = click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="TOML with the settings; options go before it."
)
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
verbose = click.option("-v", "--verbose", is_flag=True, help="Every rejection, not only the commonest.")


waveforms = click.option(
    "--waveforms", multiple=True, metavar="SOURCE", help="What the picks were made on; a report knows; repeatable."
)
port = click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Of 127.0.0.1; 0: any that is free."
)


def _must_serve(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value:
        raise click.UsageError("say --serve: the command opens a port of 127.0.0.1 until Ctrl-C")


serve = click.option(
    "--serve", is_flag=True, expose_value=False, callback=_must_serve, help="Open a port of 127.0.0.1; needed."
)


def run_server(server: LocalServer, *, quiet: bool) -> None:
    """Print a server's address to stdout and serve until Ctrl-C."""
    click.echo(server.url)
    say("open this address in a browser; Ctrl-C ends", quiet=quiet)
    try:
        server.run()
    except KeyboardInterrupt:
        say("ended", quiet=quiet)


def say(message: str, *, quiet: bool = False) -> None:
    """Write a line to stderr."""
    if not quiet:
        click.echo(message, err=True)


@contextmanager
def progress_line(title: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show how far a job is: one line that changes on a terminal, a plain line every 30 s elsewhere."""
    terminal = sys.stderr.isatty() and not quiet
    last = time.monotonic()

    def show(state: str) -> None:
        nonlocal last
        now = time.monotonic()
        if terminal and now - last > 0.1:
            click.echo(f"\r\x1b[K{title}: {state}", err=True, nl=False)
            last = now
        elif not terminal and not quiet and now - last > PLAIN_INTERVAL_S:
            click.echo(f"{title}: {state}", err=True)
            last = now

    try:
        yield show
    finally:
        if terminal:
            click.echo("\r\x1b[K", err=True, nl=False)


def say_rejections(rejected: Iterable[tuple[str, int, int, str]], *, quiet: bool, verbose: bool) -> None:
    """Count what was not used by reason on stderr; each one with `verbose`."""
    rejected = list(rejected)
    if quiet or not rejected:
        return
    if verbose:
        from seisnet.formats import iso_time

        for trace_id, start_ns, end_ns, reason in rejected:
            where = f"{trace_id} {iso_time(start_ns)} to {iso_time(end_ns)}: " if trace_id else ""
            say(f"  not used: {where}{reason}")
        return
    counted = Counter(reason for *_, reason in rejected).most_common()
    for reason, count in counted[:8]:
        say(f"  not used: {reason}" + (f" ({count} times)" if count > 1 else ""))
    if len(counted) > 8:
        say(f"  not used: {len(counted) - 8} more reasons; say -v to see all")


def given(values: dict[str, Any]) -> dict[str, Any]:
    """The options that a user gave."""
    return {name: value for name, value in values.items() if value is not None}


def listed(kind: type) -> Callable[[click.Context, click.Parameter, str | None], tuple[Any, ...] | None]:
    """Click callback for ``256,128``."""

    def parse(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[Any, ...] | None:
        if value is None:
            return None
        try:
            return tuple(kind(part) for part in value.split(",") if part.strip())
        except ValueError as error:
            raise click.BadParameter(f"'{value}' is not a list of numbers, such as 256,128") from error

    return parse
