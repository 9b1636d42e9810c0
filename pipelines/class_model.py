"""A class folder to a model of its classes, with a card: preprocess, cross-validate, train, look at whole records.

    python pipelines/class_model.py SOURCE... -o rockfall.h5 --config pipelines/class_model.toml

SOURCE is what `seisnet preprocess --task class` reads, or an HDF5 + CSV pair (NAME.h5 beside NAME.csv), which is
imported first. Windows of one event, or that overlap in time on whatever stations, form a block; every block is
predicted by a network that has not seen it, and intervals are drawn over blocks. Thresholds are those of the best F1 of
these predictions. The shipped network then learns from all windows.

With --records and --reference the whole recordings that the windows come from are scanned too, each one by a network
that has learned from the others alone. Beside the model, MODEL.json and MODEL.md hold the figures and the card.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from class_alterations import altered_windows
from class_card import ClassWords, card
from class_records import Reference, scan_recordings, write_labels
from class_validation import Validation, ValidationConfig, blocks_of, check_blocks, join_times
from settings import read_settings

from seisnet.cli import in_one_line
from seisnet.config import PreprocessConfig, TrainConfig
from seisnet.errors import ConfigError
from seisnet.model import Model
from seisnet.preprocessing.job import preprocess_to_file
from seisnet.store.files import HDF5, check_not_read, check_output, replacing, sha256_of
from seisnet.store.h5csv_file import import_h5csv
from seisnet.store.windows_in_memory import Windows, read_windows
from seisnet.training.fitting import fit
from seisnet.wording import Say


@dataclasses.dataclass(frozen=True)
class Settings:
    """The TOML file: what the card says in words, and how things are done."""

    card: ClassWords
    preprocess: PreprocessConfig
    train: TrainConfig
    validation: ValidationConfig

    @staticmethod
    def read(path: Path) -> Settings:
        """Read the tables of these names."""
        kinds = get_type_hints(Settings)
        found = Settings(**read_settings(path, kinds, preprocess=PreprocessConfig(task="class")))
        # Nothing is held back while windows are made: who learns from what is decided by the folds.
        undivided = dataclasses.replace(found.preprocess, split=(1.0, 0.0, 0.0), split_by="event")
        return dataclasses.replace(found, preprocess=undivided)


def make_windows(
    sources: Sequence[str],
    config: PreprocessConfig,
    folder: Path,
    labels: Sequence[str] = (),
    background: tuple[Sequence[str], Sequence[Reference]] = ((), ()),
) -> tuple[Windows, dict[str, np.ndarray]]:
    """Import pairs, and cut windows; noise also from whole recordings, away from all that a list names.

    With them come the features of those that are no copies, had their records been altered.
    """
    found: list[str] = []
    if background[0]:
        write_labels(folder / "listed.csv", *background, config.sampling_rate_hz)
        found, labels = [*background[0]], [*labels, str(folder / "listed.csv")]
    for source in sources:
        path = Path(source)
        if path.suffix == ".h5" and path.with_suffix(".csv").exists():
            import_h5csv(path, folder / path.stem)
            path = folder / path.stem
        found.append(str(path))
    preprocess_to_file(found, labels, config, output=folder / "windows.h5")
    windows = read_windows(folder / "windows.h5")
    return windows, altered_windows(found, windows.rows.take(~windows.rows.augmented), config)


def main(
    sources: Sequence[str],
    output: Path,
    settings: Settings,
    *,
    labels: Sequence[str] = (),
    records: Sequence[str] = (),
    reference: Path | None = None,
    say: Say = print,
) -> dict[str, Any]:
    """Make the model, its figures and its card; the figures are returned."""
    check_output(output, HDF5, overwrite=True)
    check_not_read(output, map(Path, [*sources, *labels]))
    if bool(records) != (reference is not None):
        raise ConfigError("--records and --reference go together: recordings, and the list of what is in them")
    if settings.validation.background and not records:
        say("no noise from between what a list names ([validation] background): no --records are given")
    listed = Reference.read(reference) if reference else []
    with tempfile.TemporaryDirectory() as folder:
        background = (records, listed) if settings.validation.background else ((), ())
        windows, altered = make_windows(sources, settings.preprocess, Path(folder), labels, background)
    blocks = blocks_of(windows, settings.preprocess)
    y, start_ns, mine = windows.rows.y, windows.rows.start_ns, ~windows.rows.augmented
    of_class = {name: int((y[mine] == k).sum()) for k, name in enumerate(windows.info.classes)}
    told = ", ".join(f"{name} {n}" for name, n in of_class.items())
    say(f"{mine.sum()} windows ({told}), {(~mine).sum()} augmented, {np.unique(blocks).size} blocks")
    check_blocks(windows, blocks)
    validation = Validation(windows, blocks, settings.train, settings.validation, say)
    metrics = validation.cross_validate(altered)
    thresholds = metrics["thresholds"]
    recordings = join_times(start_ns, settings.validation.recording_gap_s)
    alone = [name for k, name in enumerate(windows.info.classes) if np.unique(recordings[y == k]).size < 2]
    if alone:
        say(f"no recording is left out, and none of --records scanned: all windows of {', '.join(alone)} are of one")
    else:
        metrics["across_recordings"], models = validation.leave_recordings_out(recordings)
        if records:
            metrics["records"] = scan_recordings(
                records,
                [
                    (
                        (int(start_ns[recordings == k].min()), int(start_ns[recordings == k].max())),
                        Model(m.name, dataclasses.replace(m.stored, thresholds=thresholds)),
                    )
                    for k, m in enumerate(models)
                ],
                listed,
            )
    say("training on all windows")
    model, _ = fit(windows, settings.train, name=output.stem, threads=1)
    metrics["data"] = {
        "windows": of_class,
        "augmented": int((~mine).sum()),
        "stations": sorted({".".join(t.split(".")[:2]) for t in windows.rows.trace_id}),
        "parameters": int(model.stored.stages[0].theta.size),
        "sources": [{"name": Path(path).name, "sha256": sha256} for path, _, sha256, _ in windows.info.sources],
    }
    metrics["command"] = settings.card.command
    text = card(output.stem, settings.card, metrics, model.stored)
    stored = dataclasses.replace(model.stored, thresholds=thresholds, metrics=metrics, card=text)
    Model(output.stem, stored).save(output, overwrite=True)
    for suffix, content in ((".json", json.dumps(metrics, indent=1, sort_keys=True) + "\n"), (".md", text)):
        with replacing(output.with_suffix(suffix)) as temporary:
            temporary.write_text(content, encoding="utf-8")
    say(f"{output}: {output.stat().st_size / 1e6:.2f} MB, sha256 {sha256_of(output)}")
    return metrics


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", help="class folders, data sets, waveforms, or HDF5 of pairs")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="model file; its figures and card go beside it"
    )
    parser.add_argument("--config", type=Path, required=True, help="TOML; class_model.toml is that of rockfall")
    parser.add_argument("--labels", action="append", default=[], help="as of seisnet preprocess; not for data sets")
    parser.add_argument("--records", action="append", default=[], help="whole recordings to scan; files or folders")
    parser.add_argument("--reference", type=Path, help="CSV of what is in them: class, time, perhaps score")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    with in_one_line("class_model"):
        main(
            given.sources,
            given.output,
            Settings.read(given.config),
            labels=given.labels,
            records=given.records,
            reference=given.reference,
        )
