"""Commands run as a user types them."""

from types import SimpleNamespace

from click.testing import CliRunner

from seisnet.cli import cli
from seisnet.errors import SeisnetError


def run(*arguments):
    """Run a command; errors of seisnet's come through as exceptions."""
    result = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def run_classify(*arguments):
    """Run `classify`, which may fail: its status, and what a terminal would show."""
    done = CliRunner().invoke(cli, ["classify", *map(str, arguments)])
    error = done.exception if isinstance(done.exception, SeisnetError) else None
    status = error.exit_code if error else done.exit_code
    return SimpleNamespace(returncode=status, stderr=f"{done.stderr}{error or ''}")
