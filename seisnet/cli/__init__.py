"""The command line: one file a command, imported when it is called."""

from __future__ import annotations

import errno
import importlib
import io
import itertools
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

COMMANDS = {
    "demo": "Train, evaluate, pick real recordings and write a report.",
    "preprocess": "Turn waveforms and picks into a windows file.",
    "train": "Train a network on a windows file.",
    "evaluate": "Evaluate a model on a windows file.",
    "classify": "Pick phases in continuous waveforms.",
    "stream": "Pick phases in a SeedLink stream.",
    "score": "Compare picks or detections with a reference.",
    "plot": "Draw a pick, an event or a day.",
    "report": "Show picks with seismograms, drawn on demand, in the browser.",
    "review": "Accept, reject and move picks in the browser.",
    "models": "Shipped models: list, show; export to ONNX.",
    "inspect": "Describe a windows, model or waveform file.",
    "datasets": "Public data sets: list, show, fetch, import, export.",
}


def with_common(command: click.Command) -> click.Command:
    """Add -q and -v to a command, or to all of a group, unless it has them: a script may pass them to any."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            with_common(member)
        return command
    known = {name for option in command.params for name in option.opts}
    for names, text in ((("-q", "--quiet"), "No summary."), (("-v", "--verbose"), "Has no effect here.")):
        if not known.intersection(names):
            command.params.append(click.Option(names, is_flag=True, expose_value=False, help=text))
    return command


def _refuse_empty(ctx: click.Context, args: Sequence[str]) -> None:
    """Refuse an empty argument: as a path it would be the folder where the command runs, as a time it would be none."""
    for before, text in itertools.pairwise(["", *args]):
        if not text.strip() or re.fullmatch("--[a-z-]+=", text):
            option = text.rstrip("= ") or (before if before.startswith("-") else "an argument")
            ctx.fail(f"{option} is empty; give it a value (is a variable of the shell unset?)")


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"seisnet.cli.{cmd_name}"), cmd_name)
        return with_common(command)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Say where options belong that stand before the command."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            ctx.fail(f"no option '{error.option_name}' before the command; options come after it: seisnet COMMAND ...")

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Name the nearest command when there is none of that name."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from seisnet.config import nearest

            ctx.fail(f"no command '{args[0]}'{nearest(args[0], COMMANDS)}")
        _refuse_empty(ctx, args)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Invoke a command; Ctrl-C becomes one line and the status 130."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            from seisnet.cli.console import say

            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            resumes = command and any(option.name == "resume" for option in command.params)
            option = "--resume in place of --overwrite" if "--overwrite" in sys.argv else "--resume"
            advice = f"; the same command with {option} continues"
            say("seisnet: interrupted" + (advice if resumes and "--dry-run" not in sys.argv else ""))
            ctx.exit(130)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="seisnet")
def cli() -> None:
    """Seismic signal classifier.

    \b
    Example:
      seisnet classify day.mseed -o picks.csv --report report
      seisnet preprocess events/*.mseed --labels catalogue.xml -o windows.h5
      seisnet train windows.h5 -o model.h5
      seisnet classify day.mseed --model model.h5 -o picks.csv
    """


def as_options(message: str) -> str:
    """Name, in a message, command-line options in place of the Python arguments that they set.

    Examples
    --------
    >>> as_options("an interrupted run left parts of it; use resume=True or overwrite=True")
    'an interrupted run left parts of it; use --resume or --overwrite'
    >>> as_options("set with selection=... which channels to fetch")
    'set with --select, --starttime and --endtime which channels to fetch'
    """
    message = message.replace("selection=...", "--select, --starttime and --endtime")
    return re.sub(r"\b(overwrite|resume|virtual|labels)=(True|\.\.\.)", r"--\1", message)


@contextmanager
def in_one_line(program: str, words: Callable[[str], str] = str) -> Iterator[None]:
    """Turn an error of seisnet's, of a file or folder, or of memory into one line on stderr and its exit status.

    Parameters
    ----------
    program : str
        Name with which the line begins.
    words : callable, optional
        Changes the message of an error of seisnet's.
    """
    from seisnet.errors import SeisnetError

    try:
        yield
    except SeisnetError as error:
        click.echo(f"{program}: {' '.join(words(str(error)).splitlines())}", err=True)  # names may have a line feed
        sys.exit(error.exit_code)
    except MemoryError:
        click.echo(f"{program}: not enough memory", err=True)
        sys.exit(1)
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            raise
        where = error.filename or "standard output can't be written"  # files have names, or are told by who writes them
        click.echo(f"{program}: {where}: {error.strerror}", err=True)
        sys.exit(1)


def main() -> None:
    """Run the command line; an error becomes one line and its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: few encodings have all letters of names
    with in_one_line("seisnet", as_options):
        # Click would expand all arguments on Windows, also patterns in quotes, such as those of --select.
        cli(windows_expand_args=False)
