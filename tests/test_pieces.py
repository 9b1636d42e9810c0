"""A shard is taken for another's only if all that it was made from is the same, and keeps what the run needs of it."""

import os
from dataclasses import fields, replace

import pytest

from seisnet.config import PreprocessConfig
from seisnet.preprocessing import pieces
from seisnet.preprocessing.pieces import CARRIED, Piece, PieceJob, Summary
from seisnet.waveforms.sources import Source

JOB = PieceJob(PreprocessConfig(), labels_sha256="1", miner_sha256="2")


@pytest.fixture
def piece(tmp_path):
    (tmp_path / "a.mseed").write_text("a")
    (tmp_path / "beside.mseed").write_text("b")
    return Piece((Source((tmp_path / "a.mseed",), beside=(tmp_path / "beside.mseed",)),))


def test_the_identity_of_a_piece_is_one_of_all_that_its_shard_is_made_from(piece, monkeypatch):
    [source] = piece.sources
    config = replace(JOB.config, seed=1)
    jobs = [
        JOB,
        *(replace(JOB, **{name: "3"}) for name in ("labels_sha256", "miner_sha256")),
        replace(JOB, config=config),
    ]
    changes = ({}, {"rows": (0, 5)}, {"hashes": False}, {"events": ("e",)}, {"sources": (source, source)})
    said = [job.identity(piece) for job in jobs]
    said += [JOB.identity(replace(piece, **change)) for change in changes[1:]]
    said += [JOB.identity(Piece((replace(source, span_ns=(0, 9)),)))]
    for path in (*source.paths, *source.beside):
        os.utime(path, (0, 0))
        said.append(JOB.identity(piece))
        path.write_text("longer")
        os.utime(path, (0, 0))
        said.append(JOB.identity(piece))
    monkeypatch.setattr(pieces, "__version__", "0.0.1")
    said.append(JOB.identity(piece))
    assert len(set(said)) == len(said)


def test_what_does_not_change_a_shard_does_not_change_its_identity(piece, tmp_path):
    """Splits are assigned when all shards are made, and where these lie makes no difference."""
    others = (
        replace(JOB, config=replace(JOB.config, split=(0.5, 0.25, 0.25))),
        replace(JOB, config=replace(JOB.config, split_by="event")),
        replace(JOB, folder=tmp_path),
    )
    assert {job.identity(piece) for job in others} == {JOB.identity(piece)}


def test_a_shard_carries_all_of_its_summary_but_where_it_lies_and_what_it_tells_itself():
    assert {one.name for one in fields(Summary)} - CARRIED == {"rejected", "shard"}
