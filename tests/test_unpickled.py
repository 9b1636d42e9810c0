"""No file that a user names is ever unpickled: unpickling runs whatever code the file holds."""

import gzip
import io
import pickle
import zipfile

import numpy as np
import obspy
import pytest
from obspy.core.util.base import ENTRY_POINTS

from seisnet.errors import DataError
from seisnet.labels.reading import read_classes, read_labels
from seisnet.waveforms.files import Reading, read_file, read_headers
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.inventory import read_stations
from seisnet.waveforms.unpickled import PICKLE


class Trap:
    """Its pickle makes a folder when it is read, and looks to ObsPy like one of a stream."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return exec, (f"'obspy.core.stream'; __import__('os').mkdir({str(self.path)!r})",)


@pytest.fixture
def sprung(tmp_path):
    return tmp_path / "sprung"


@pytest.fixture(params=[0, 2, 4, "gz", "zip", "npz"])
def trap(request, tmp_path, sprung):
    folder = tmp_path / "downloaded"
    folder.mkdir()
    protocol = request.param if isinstance(request.param, int) else 2
    content = pickle.dumps(Trap(sprung), protocol=protocol)
    path = folder / f"day.{'mseed' if isinstance(request.param, int) else request.param}"
    if request.param == "gz":
        content = gzip.compress(content)
    elif request.param == "zip":
        with zipfile.ZipFile(archive := io.BytesIO(), "w") as file:
            file.writestr("day.mseed", content)
        content = archive.getvalue()
    elif request.param == "npz":
        np.savez(archive := io.BytesIO(), data=np.array([Trap(sprung)], dtype=object), allow_pickle=True)
        content = archive.getvalue()
    path.write_bytes(content)
    return path


def test_the_trap_is_sprung_by_pickle(sprung):
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()


def test_a_folder_of_waveforms_runs_no_code(trap, sprung):
    reading = Reading()
    assert find_sources([trap.parent], reading) == []
    assert read_headers(trap, reading) is None
    assert read_file(trap, reading) is None
    assert not sprung.exists()
    reasons = {r.reason for r in reading.rejections}
    if trap.suffix != ".npz":
        told = "it is in ObsPy's PICKLE format, which can run code; if you trust it, save it as MSEED"
        assert reasons == {f"{trap}: can't be read: {told}"}


@pytest.mark.parametrize("read", [read_labels, read_classes, read_stations])
def test_labels_and_station_metadata_run_no_code(read, trap, sprung):
    with pytest.raises(DataError):
        read((trap,))
    assert not sprung.exists()


def test_a_pickled_stream_of_obspy_is_told_and_not_opened(tmp_path):
    path = tmp_path / "day"
    obspy.read().write(str(path), format="PICKLE")
    reading = Reading()
    assert read_file(path, reading) is None
    assert [r.reason for r in reading.rejections] == [
        f"{path}: can't be read: it is in ObsPy's PICKLE format, which can run code; if you trust it, save it as MSEED"
    ]


def test_no_other_format_is_pickled():
    assert PICKLE in ENTRY_POINTS["waveform"]
    for kind in ("waveform", "event", "inventory"):
        for name, entry in ENTRY_POINTS[kind].items():
            assert name == PICKLE or "pickle" not in vars(__import__(entry.module, fromlist=["_"])), name
