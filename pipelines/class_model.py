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
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from class_alterations import altered_figures, altered_windows
from class_card import WORDS, card
from class_figures import scores_of, thresholds_of
from class_records import Reference, scan_recordings, write_labels
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from seisnet.cli import in_one_line
from seisnet.config import PreprocessConfig, TrainConfig, from_dict, read_tables
from seisnet.config.checks import between
from seisnet.errors import ConfigError, DataError
from seisnet.linking import join_times
from seisnet.model import Model
from seisnet.preprocessing.job import preprocess_to_file
from seisnet.store.files import check_not_read, check_output, replacing, sha256_of
from seisnet.store.h5csv_file import import_h5csv
from seisnet.store.windows_file import WindowRows
from seisnet.store.windows_in_memory import Windows, read_windows
from seisnet.training.fitting import fit
from seisnet.wording import counted, most_frequent


@dataclasses.dataclass(frozen=True)
class ValidationConfig:
    """How the figures are made.

    Attributes
    ----------
    folds : int
        Parts that the blocks of every class are dealt to.
    seed : int
        Of the deal, and of the bootstrap.
    recording_gap_s : float
        Windows further apart in time than this belong to different recordings.
    background : bool
        Whether `noise_windows` of every whole recording, `noise_gap_s` away from all that the list names, are taken as
        noise too.
    """

    folds: int = 12
    seed: int = 0
    recording_gap_s: float = 3600.0
    background: bool = False

    def __post_init__(self) -> None:
        """Check what no other check would name."""
        between("folds", self.folds, 2, 1000)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The TOML file: what the card says in words, and how things are done."""

    card: dict[str, str]
    preprocess: PreprocessConfig
    train: TrainConfig
    validation: ValidationConfig


def read_settings(path: Path) -> Settings:
    """Read the tables ``[card]``, ``[preprocess]``, ``[train]`` and ``[validation]``."""
    tables = read_tables(path)
    kinds = {"preprocess": PreprocessConfig, "train": TrainConfig, "validation": ValidationConfig}
    if unknown := tables.keys() - kinds.keys() - {"card"}:
        raise ConfigError(f"{path}: unknown tables {', '.join(sorted(unknown))}")
    words = tables.setdefault("card", {})
    if lacking := [word for word in WORDS if not isinstance(words.get(word), str)]:
        raise ConfigError(f"{path} [card]: say in words {', '.join(lacking)}; the card of the model quotes them")
    tables["preprocess"] = {"task": "class"} | tables.get("preprocess", {})
    made = {name: from_dict(kind, tables.get(name, {}), where=f"{path} [{name}]") for name, kind in kinds.items()}
    # Nothing is held back while windows are made: who learns from what is decided by the folds.
    made["preprocess"] = dataclasses.replace(made["preprocess"], split=(1.0, 0.0, 0.0), split_by="event")
    return Settings(words, **made)


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


def blocks_of(windows: Windows, config: PreprocessConfig) -> np.ndarray:
    """Number the blocks that must not be divided, (N,).

    Windows of one event, and windows that overlap in time with any shift, on whatever stations, are in one block. What
    is called noise belongs to no event.
    """
    rows = windows.rows
    near = np.array(join_times(rows.start_ns.tolist(), config.window_s + 2 * config.shift_s))
    n_times, n_groups = near.max() + 1, int(rows.group.max()) + 1
    noise = rows.y == rows_index(windows, "noise")
    links = coo_array(
        (np.ones((~noise).sum()), (near[~noise], n_times + rows.group[~noise].astype(int))),
        shape=(n_times + n_groups,) * 2,
    )
    return connected_components(links, directed=False)[1][near]


def rows_index(windows: Windows, name: str) -> int:
    """Index of a class; -1 where there is none of that name."""
    return windows.info.classes.index(name) if name in windows.info.classes else -1


def folds_of(y: np.ndarray, blocks: np.ndarray, config: ValidationConfig) -> np.ndarray:
    """Deal the blocks of every class to the folds in turn, (N,)."""
    rng = np.random.default_rng(config.seed)
    numbers, first = np.unique(blocks, return_index=True)
    fold_of = {}
    for label in np.unique(y[first]):
        mine = rng.permutation(numbers[y[first] == label])
        fold_of |= {int(block): i % config.folds for i, block in enumerate(mine)}
    return np.array([fold_of[int(block)] for block in blocks])


def check_blocks(windows: Windows, blocks: np.ndarray) -> None:
    """Refuse classes of which nothing would be left to learn from when a block is held out."""
    for k, name in enumerate(windows.info.classes):
        n = np.unique(blocks[windows.rows.y == k]).size
        if n < 2:
            reasons = Counter(reason for *_, reason in windows.info.rejected)
            why = "; noise is cut noise_gap_s away from all that is labelled" if name == "noise" else ""
            why += f"; not used: {', '.join(most_frequent(reasons, 3))}" if reasons else ""
            raise DataError(
                f"class {name}: {counted(n, 'block')} (events, or windows that overlap in time); at least two are "
                f"needed, one to learn from and one to judge by{why}"
            )


def fit_without(windows: Windows, held_out: np.ndarray, config: TrainConfig, name: str = "fold") -> Model:
    """Train on all windows but some."""
    rows = windows.rows.take(~held_out)
    return fit(dataclasses.replace(windows, rows=rows), config, name=name, threads=1)[0]


def predict_unseen(
    windows: Windows, parts: np.ndarray, config: TrainConfig, say: Callable[[str], None]
) -> tuple[WindowRows, np.ndarray, list[Model]]:
    """Predict every window that is not augmented by a network that has not seen its part."""
    plain = ~windows.rows.augmented
    rows = windows.rows.take(plain)
    models = []
    for part in np.unique(parts):
        models.append(fit_without(windows, parts == part, config))
        say(f"  part {part + 1}/{parts.max() + 1}")
    return rows, unseen(models, parts[plain], rows.x), models


def unseen(models: Sequence[Model], parts: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) of features (N, D), each by the network of the part that the window is in."""
    probabilities = np.zeros((len(x), len(models[0].classes)), dtype=np.float32)
    for part, model in zip(np.unique(parts), models, strict=True):
        probabilities[parts == part] = model.predict_proba(x[parts == part])
    return probabilities


def main(
    sources: Sequence[str],
    output: Path,
    settings: Settings,
    *,
    labels: Sequence[str] = (),
    records: Sequence[str] = (),
    reference: Path | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Make the model, its figures and its card; the figures are returned."""
    check_output(output, overwrite=True)
    check_not_read(output, map(Path, [*sources, *labels]))
    if bool(records) != (reference is not None):
        raise ConfigError("--records and --reference go together: recordings, and the list of what is in them")
    if settings.validation.background and not records:
        say("no noise from between what a list names ([validation] background): no --records are given")
    said = Reference.read(reference) if reference else []
    with tempfile.TemporaryDirectory() as folder:
        background = (records, said) if settings.validation.background else ((), ())
        windows, altered = make_windows(sources, settings.preprocess, Path(folder), labels, background)
    names, seed = windows.info.classes, settings.validation.seed
    blocks = blocks_of(windows, settings.preprocess)
    mine = ~windows.rows.augmented
    of_class = {name: int((windows.rows.y[mine] == k).sum()) for k, name in enumerate(names)}
    told = ", ".join(f"{name} {n}" for name, n in of_class.items())
    say(f"{mine.sum()} windows ({told}), {(~mine).sum()} augmented, {np.unique(blocks).size} blocks")
    check_blocks(windows, blocks)
    say("cross-validation")
    folds = folds_of(windows.rows.y, blocks, settings.validation)
    rows, probabilities, models = predict_unseen(windows, folds, settings.train, say)
    metrics: dict[str, Any] = {"cross_validation": scores_of(rows.y, probabilities, blocks[mine], names, seed)}
    metrics["cross_validation"]["folds"] = int(folds.max()) + 1  # no more than the largest class has blocks
    metrics["altered"] = altered_figures(rows, probabilities, altered, lambda x: unseen(models, folds[mine], x))
    thresholds = thresholds_of(rows.y, probabilities, names)
    metrics["thresholds"] = thresholds
    recordings = np.array(join_times(windows.rows.start_ns.tolist(), settings.validation.recording_gap_s))
    alone = [name for k, name in enumerate(names) if np.unique(recordings[windows.rows.y == k]).size < 2]
    if alone:
        say(f"no recording is left out, and none of --records scanned: all windows of {', '.join(alone)} are of one")
    else:
        say("leave one recording out")
        rows, probabilities, models = predict_unseen(windows, recordings, settings.train, say)
        metrics["across_recordings"] = scores_of(rows.y, probabilities, blocks[mine], names, seed)
        metrics["across_recordings"]["recordings"] = int(recordings.max()) + 1
        if records:
            models = [
                dataclasses.replace(m, stored=dataclasses.replace(m.stored, thresholds=thresholds)) for m in models
            ]
            spans = [
                (int(windows.rows.start_ns[recordings == k].min()), int(windows.rows.start_ns[recordings == k].max()))
                for k in range(len(models))
            ]
            metrics["records"] = scan_recordings(records, list(zip(spans, models, strict=True)), said)
    say("training on all windows")
    model, _ = fit(windows, settings.train, name=output.stem, threads=1)
    metrics["data"] = {
        "windows": of_class,
        "augmented": int((~mine).sum()),
        "stations": sorted({".".join(t.split(".")[:2]) for t in windows.rows.trace_id}),
        "parameters": int(model.stored.stages[0].theta.size),
        "sources": [{"name": Path(path).name, "sha256": sha256} for path, _, sha256, _ in windows.info.sources],
    }
    metrics["command"] = settings.card.get("command", "")
    text = card(output.stem, settings.card, metrics, model.stored)
    stored = dataclasses.replace(model.stored, thresholds=thresholds, metrics=metrics, card=text)
    Model(output.stem, stored).save(output, overwrite=True)
    for suffix, said in ((".json", json.dumps(metrics, indent=1, sort_keys=True) + "\n"), (".md", text)):
        with replacing(output.with_suffix(suffix)) as temporary:
            temporary.write_text(said, encoding="utf-8")
    say(f"{output}: {output.stat().st_size / 1e6:.2f} MB, sha256 {sha256_of(output)}")
    return metrics


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
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
            read_settings(given.config),
            labels=given.labels,
            records=given.records,
            reference=given.reference,
        )
