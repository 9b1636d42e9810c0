"""What the commands share: options, what they say on stderr, and the summary of what could not be used."""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seisnet.wording import counted, repeated

if TYPE_CHECKING:
    from seisnet.config import PickConfig, PreprocessConfig, TrainConfig
    from seisnet.report.serving import LocalServer
    from seisnet.store.windows_file import Rejected
    from seisnet.waveforms.selection import Selection

PATH = click.Path(path_type=Path)

NAME = click.Path(readable=False)
"""A file, which a shell completes, or another name, as of a model or an archive; text, and not looked up here."""

sources = click.argument("sources", nargs=-1, required=True, type=NAME)
output_file = click.option(
    "-o", "--output", type=PATH, required=True, help="File to write; it appears only when complete."
)
overwrite = click.option("--overwrite", is_flag=True, help="Replace an existing output.")
config_file = click.option("--config", "config_path", type=PATH, help="TOML file with settings; options override it.")
model = click.option(
    "--model",
    "model_name",
    type=NAME,
    default="phase",
    show_default=True,
    metavar="FILE|NAME",
    help="Model file, or name of a shipped model.",
)
jobs = click.option("--jobs", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Local processes.")
scheduler = click.option("--scheduler", default="", metavar="ADDRESS", help="Dask scheduler to use instead of --jobs.")
verbose = click.option("-v", "--verbose", is_flag=True, help="List every rejection, not only the commonest.")


Command = Callable[..., Any]
Config = TypeVar("Config", "PickConfig", "PreprocessConfig", "TrainConfig")


def quiet(command: Command) -> Command:
    """The option -q; with -v, where a command has that, it makes the `Teller` that the command gets as `tell`."""

    @click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
    @functools.wraps(command)
    def told(*, quiet: bool, verbose: bool = False, **others: Any) -> Any:
        return command(tell=Teller(quiet, verbose), **others)

    return told


def labels_option(what: str) -> Callable[[Command], Command]:
    """The option for files of labels; `what` is what a CSV holds."""
    help_text = f"Catalogue (QuakeML, ...) or CSV of {what}; repeatable."
    return click.option("--labels", multiple=True, type=NAME, metavar="FILE", help=help_text)


def _together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Options that several commands have, in the order in which their help lists them."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


inventory = click.option(
    "--inventory",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Station metadata (StationXML, ...); orients components by azimuth and dip; repeatable.",
)
selection_options = _together(
    click.option(
        "--select", multiple=True, metavar="NET.STA.LOC.CHA", help='Channels, such as "GE.*..HH?"; repeatable.'
    ),
    click.option("--starttime", metavar="TIME", help="Ignore data before this: ISO 8601, or seconds since 1970."),
    click.option("--endtime", metavar="TIME", help="Ignore data from this time on."),
    inventory,
)
drawing_options = _together(
    click.option(
        "--waveforms",
        multiple=True,
        type=NAME,
        metavar="SOURCE",
        help="What the picks were made on; default: that of the report; repeatable.",
    ),
    click.option(
        "--model",
        "model_name",
        type=NAME,
        metavar="FILE|NAME",
        help="Model for probability traces; default: that of the report.",
    ),
    click.option(
        "--inventory",
        multiple=True,
        type=PATH,
        metavar="FILE",
        help="Station metadata that the picks were made with; default: those of the report; repeatable.",
    ),
)


def selected(select: tuple[str, ...], starttime: str | None, endtime: str | None) -> Selection:
    """The selection that the options describe."""
    from seisnet.labels.tables import time_ns
    from seisnet.waveforms.selection import FOREVER_NS, Selection

    times_ns = list(FOREVER_NS)
    for i, (option, text) in enumerate((("--starttime", starttime), ("--endtime", endtime))):
        try:
            times_ns[i] = time_ns(text) if text else times_ns[i]
        except ValueError as error:
            raise click.BadParameter(f"{option}: {error}") from error
    return Selection(select, *times_ns)


port = click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port on 127.0.0.1; 0: any free one."
)


def _must_serve(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value:
        raise click.UsageError("add --serve: the command opens a port on 127.0.0.1 until Ctrl-C")


serve = click.option(
    "--serve", is_flag=True, expose_value=False, callback=_must_serve, help="Open a port on 127.0.0.1; required."
)


def run_server(server: LocalServer, tell: Teller) -> None:
    """Print a server's address to stdout and serve until Ctrl-C."""
    click.echo(server.url)
    tell("open this address in a browser; Ctrl-C stops the server")
    try:
        server.run()
    except KeyboardInterrupt:
        tell("stopped")


def on_terminal() -> bool:
    """Whether stderr is a terminal; it may be closed, as by ``2>&-``."""
    return sys.stderr is not None and sys.stderr.isatty()


def say(message: str) -> None:
    """Write a line to stderr; on a terminal it replaces the bar, which is drawn again below it.

    Nobody may listen any more (``2>&1 | head``, a full disk, a journal that restarts): no work is given up for that.
    """
    with suppress(OSError):
        click.echo(f"\r\x1b[K{message}" if on_terminal() else message, err=True)


@dataclass(frozen=True)
class Teller:
    """What a command says on stderr, as far as its user wants to hear it.

    Attributes
    ----------
    quiet : bool
        Nothing is said.
    verbose : bool
        Every rejection is listed, not only the commonest reasons.
    """

    quiet: bool = False
    verbose: bool = False

    def __call__(self, message: str) -> None:
        """Say a line."""
        if not self.quiet:
            say(message)

    def detail(self, message: str) -> None:
        """Say a line on what the line before is about."""
        self(f"  {message}")

    def outputs(self, *paths: Path) -> None:
        """Say where the outputs are."""
        self.detail(f"wrote {', '.join(map(str, paths))}")

    def rejections(self, rejected: Iterable[Rejected]) -> None:
        """List what was rejected, and remarks on what was used: counted by reason, or each if `verbose`."""
        if self.quiet:
            return
        if not self.verbose:
            self.reasons(Counter(reason for *_, reason in rejected))
            return
        from seisnet.picks import iso_time
        from seisnet.waveforms.records import mark_of

        for trace_id, start_ns, end_ns, reason in rejected:
            when = f" {iso_time(start_ns)}" if end_ns else ""
            when += f" to {iso_time(end_ns)}" if end_ns > start_ns else ""  # remarks mark the start of a record
            where = f"{trace_id}{when}: " if trace_id else ""
            self.detail(f"{mark_of(reason)}{where}{reason}")

    def reasons(self, counts: Counter[str]) -> None:
        """List the commonest reasons of rejections, and remarks."""
        from seisnet.waveforms.records import KEPT, mark_of

        commonest = counts.most_common()
        # A file that is lost or damaged matters more than many stretches that were used all the same.
        commonest.sort(key=lambda entry: entry[0].startswith(KEPT))
        for reason, count in commonest[:8]:
            self.detail(f"{mark_of(reason)}{repeated(reason, count)}")
        if len(commonest) > 8:
            self.detail(f"{counted(len(commonest) - 8, 'more reason')}; use -v to see all")


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns, the names first, on standard output."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def not_both(*, resume: bool, overwrite: bool) -> None:
    """Refuse to go on with a run and to start it anew."""
    if resume and overwrite:
        raise click.UsageError("use --resume or --overwrite, not both")


def read_beside(*names: str | Path | None) -> list[Path]:
    """What a command reads beside its data, which no output may replace: settings, a model to begin with."""
    return [Path(name) for name in names if name]


def settings(path: Path | None, defaults: Config, options: dict[str, Any], tell: Teller) -> Config:
    """Settings: options that a user gave override those of a file, which override the defaults."""
    from seisnet.config import load_toml

    config = load_toml(path, type(defaults), defaults, say=tell) if path else defaults
    return replace(config, **given(options))


def given(values: dict[str, Any]) -> dict[str, Any]:
    """The options that a user gave."""
    return {name: value for name, value in values.items() if value is not None}


def listed(kind: type, example: str) -> Callable[..., tuple[Any, ...] | None]:
    """Click callback for ``256,128``."""

    def parse(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[Any, ...] | None:
        if value is None:
            return None
        parts = [part.strip() for part in value.split(",")]
        with suppress(ValueError):
            if all(parts):
                return tuple(map(kind, parts))
        raise click.BadParameter(f"'{value}' is not a list such as {example}")

    return parse
