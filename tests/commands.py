"""Commands run as a user types them."""

from click.testing import CliRunner

from seisnet.cli import cli


def run(*arguments):
    """Run a command; errors of seisnet's come through as exceptions."""
    result = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result
