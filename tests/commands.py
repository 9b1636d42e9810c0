"""Commands run as a user types them."""

from types import SimpleNamespace

import numpy as np
import obspy
from click.testing import CliRunner

from seisnet.cli import cli
from seisnet.demo import write_synthetic_dataset
from seisnet.errors import SeisnetError
from seisnet.synthetic import GeneratorConfig, continuous

QUICK = """[train]
epochs = 15
hidden = [64]
folds = 2
context_hidden = [16]
context_epochs = 4
onset_hidden = [16]
onset_epochs = 4
"""
"""Three stages in seconds: the first decides what the reports of tests say, the others have to be there."""


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


def whole_job(folder):
    """The whole job once, in a folder: data set, windows, model, a continuous record and its analyst's picks."""
    generator = GeneratorConfig(duration_s=(40.0, 50.0), before_p_s=(15.0, 20.0), snr_db=(15.0, 50.0))
    write_synthetic_dataset(folder / "set", 45, np.random.default_rng(1), config=generator)
    run("preprocess", folder / "set", "-o", folder / "windows.h5", "-q")
    (folder / "quick.toml").write_text(QUICK)
    run("train", folder / "windows.h5", "-o", folder / "model.h5", "--config", folder / "quick.toml", "-q")
    stream = obspy.Stream()
    reference = []
    for record in continuous(400.0, 4, np.random.default_rng(2), config=generator):
        for component, row, present in zip("ZNE", record.data, record.present, strict=True):
            if present:
                header = {
                    "network": record.network,
                    "station": record.station,
                    "location": record.location,
                    "channel": record.channel + component,
                    "sampling_rate": record.sampling_rate_hz,
                    "starttime": obspy.UTCDateTime(ns=record.start_ns),
                }
                stream.append(obspy.Trace(np.ascontiguousarray(row), header))
        reference += record.picks
    stream.write(str(folder / "day.mseed"), format="MSEED")
    with (folder / "analyst.csv").open("w") as file:
        file.write("network,station,time,phase\n")
        for pick in reference:
            file.write(f"{pick.network},{pick.station},{obspy.UTCDateTime(ns=pick.time_ns)},{pick.phase}\n")
    return folder
