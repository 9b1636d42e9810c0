"""The card that a model gets from its training: what it has learned from, how, how well, and where not to trust it.

Every word follows from the windows, the settings and the figures of the training, so that the same inputs give the same
card. What these do not know, such as licence and citation, is left to the user.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import numpy as np

from seisnet import __version__
from seisnet.config import PreprocessConfig, TrainConfig, from_dict
from seisnet.features import LogSpectrogram, make_feature
from seisnet.model import Model, shipped_models
from seisnet.model_cards import filled, stage_lines
from seisnet.picks import station_of
from seisnet.scan.sliding_network import mean_output
from seisnet.scoring.metrics import class_scores, confusion_counts
from seisnet.store.model_file import StoredModel
from seisnet.store.windows_file import WindowRows
from seisnet.training.parents import READS, Parent, settings_for
from seisnet.training.trials import FEWEST_ONSETS, ONE_SIGMA, TOLERANCE_S
from seisnet.training.window_data import WindowData
from seisnet.waveforms.records import COMPONENTS
from seisnet.wording import counted, first_of

FEW_EVENTS, FEW_WINDOWS = 50, 20
"""With fewer events to learn from, or windows of a class to be judged on, the card says so among the limits."""

MOST_NAMES = 12
"""Sources and stations that are named."""

WINDOWS = (
    "Windows of each split; augmented are altered copies and additional noise. Where labels name no event, {} count as "
    "one. The test split took no part."
)

UNKNOWN = (
    "Not known here: whose the data are, under which licence, and how they are cited. `seisnet train --card FILE` puts "
    "words of yours before this card."
)


def with_card(stored: StoredModel, learned: WindowData, parent: Parent, words: str = "") -> StoredModel:
    """Model with the scores of its first stage on the dev split, ``dev_windows`` of the metrics, and with a card.

    Parameters
    ----------
    stored : StoredModel
        Calibrated.
    learned : WindowData
    parent : Parent
    words : str
        Markdown by the user, which comes first.
    """
    if len(learned.dev):
        stored = replace(stored, metrics={**stored.metrics, "dev_windows": _window_scores(stored, learned)})
    card, words = _Card(stored, learned, parent), words.strip()
    parts = [words, "## Model", card.summary()] if words else [card.summary()]
    for heading, paragraphs in card.sections():
        parts += [f"## {heading}", *paragraphs]
    if not words:
        parts += ["## Citation and licence", _filled(UNKNOWN)]
    return replace(stored, card="\n\n".join(parts) + "\n")


def _window_scores(stored: StoredModel, learned: WindowData) -> dict[str, Any]:
    """How often the most probable class of the first stage is right on the windows of the dev split."""
    model = Model("", stored)
    predicted = mean_output(model.networks, learned.data.x_dev, model.windows.temperature).argmax(axis=1)
    scores = class_scores(confusion_counts(learned.dev.y, predicted, len(stored.classes)))
    figures = {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1}
    return {"classes": scores.by_name(stored.classes), **figures}


class _Card:
    """What a card says, section by section."""

    def __init__(self, stored: StoredModel, learned: WindowData, parent: Parent) -> None:
        self._stored, self._info = stored, learned.info
        self._train, self._dev, self._absent = learned.train, learned.dev, learned.absent
        self._recipe = from_dict(PreprocessConfig, dict(stored.preprocess))
        self._config = from_dict(TrainConfig, dict(stored.train))
        self._parent, self._start = parent.model, f"`{parent.model.name}`" if parent.model else ""
        self._picks: Mapping[str, Any] = stored.metrics.get("dev_picks", {})
        self._stations, self._dev_stations = _stations(self._train), _stations(self._dev)
        self._events, self._dev_events = self._count_events(self._train), self._count_events(self._dev)

    def _count_events(self, rows: WindowRows) -> int:
        """Groups of windows that are not noise."""
        noise = [k for k, name in enumerate(self._stored.classes) if name == "noise"]
        return len(np.unique(rows.group[~np.isin(rows.y, noise)]))

    def summary(self) -> str:
        """What the model is, in a sentence."""
        classes, phases = self._stored.classes, self._recipe.task == "phase"
        what = "Picks P and S" if phases else f"Tells {', '.join(classes[:-1])} and {classes[-1]} apart"
        start = f", starting from {self._start}" if self._start else ""
        return (
            f"{what}; trained with seisnet {__version__} on {counted(self._events, 'event')} at "
            f"{counted(len(self._stations), 'station')}{start}."
        )

    def sections(self) -> Iterator[tuple[str, list[str]]]:
        """Headings and paragraphs."""
        yield "Data", [*map(_filled, self._data()), self._counts()]
        yield "Preprocessing", [_filled(self._preprocessing())]
        phases = "P, S, noise. P stands for all phases whose last leg is P (Pg, Pn, ...), S likewise."
        named = f"{', '.join(self._stored.classes)}, as labelled. What is none of these goes to one of them."
        yield "Classes", [_filled(phases if self._recipe.task == "phase" else named)]
        yield "Networks", [_items(stage_lines(self._stored)), _filled(self._training())]
        yield "Figures", list(self._figures())
        yield "Thresholds", [_filled(" ".join(self._thresholds()))]
        yield "Calibration", [_filled(" ".join(self._calibration()))]
        yield "Limits", [_items(self._limits())]
        commands = self._commands()
        yield "Reproduce", ["From the same sources and labels:", "\n".join(f"    {x}".rstrip() for x in commands)]

    def _data(self) -> Iterator[str]:
        names = sorted({PurePath(path).name or path for path, *_ in self._info.sources})
        if names:
            yield f"{counted(len(self._info.sources), 'source')}: {first_of(names, MOST_NAMES)}"
        if labels := self._info.attributes.get("labels_sha256"):
            yield f"SHA-256 of the labels: {labels}"
        yield f"{counted(len(self._stations), 'station')} to learn from: {first_of(self._stations, MOST_NAMES)}"
        if self._start:
            yield f"What {self._start} had learned from before is in the card of that model."
        link_s = self._recipe.link_s
        yield WINDOWS.format(f"those within {link_s:g} s of each other" if link_s else "those of a station and an hour")

    def _counts(self) -> str:
        train, dev = self._train, self._dev
        rows: list[Sequence[Any]] = [
            (name, np.sum(train.y == k), np.sum(train.augmented & (train.y == k)), np.sum(dev.y == k))
            for k, name in enumerate(self._stored.classes)
        ]
        rows += [("events", self._events, "", self._dev_events)]
        rows += [("stations", len(self._stations), "", len(self._dev_stations))]
        return _table(("class", "train", "of these augmented", "dev"), rows)

    def _preprocessing(self) -> str:
        r = self._recipe
        response = "instrument response left on" if r.response == "none" else f"response removed, to {r.response}"
        band = f"{r.freqmin_hz:g} to {r.freqmax_hz:g} Hz"
        feature = make_feature(r)
        if isinstance(feature, LogSpectrogram):
            centres_hz = feature.frequencies_hz
            band = f"{counted(len(centres_hz), 'band')} centred on {centres_hz[0]:.3g} to {centres_hz[-1]:.3g} Hz"
            band += f", frames of {r.frame_s:g} s every {r.hop_s:g} s"
        return (
            f"Windows of {r.window_s:g} s at {r.sampling_rate_hz:g} Hz, components {', '.join(COMPONENTS)}; {response}."
            f" Feature `{r.features}`, {band}, normalised over the window."
        )

    def _training(self) -> str:
        """How the first stage was trained, and which later ones were not."""
        c = self._config
        settings = [c.optimizer, f"learning rate {c.learning_rate:g} ({c.schedule})", f"batches of {c.batch_size}"]
        settings += [f"{counted(c.epochs, 'epoch')} at most", f"dropout {c.dropout if c.hidden else 0:g}"]
        settings += [f"input noise {c.input_noise:g}", f"weight decay {c.weight_decay:g}", f"seed {c.seed}"]
        weights = "classes weigh the same" if c.class_weight == "balanced" else "classes weigh what their windows do"
        kept = "epoch with the best macro-F1 on the dev split" if len(self._dev) else "last epoch"
        later = {stage.reads for stage in self._stored.stages} - {READS["windows"]}
        old = sorted(reads for reads in later if f"{reads}_history" not in self._stored.metrics)
        unchanged = "".join(f" The stage that reads {reads} is that of {self._start}, unchanged." for reads in old)
        return (
            f"{'Teachers of the first' if c.distil else 'First'} stage: {', '.join(settings)}; {weights}. The "
            f"{kept} was kept.{unchanged}"
        )

    def _figures(self) -> Iterator[str]:
        scores = self._stored.metrics.get("dev_windows")
        if not scores:
            yield _filled("None: there is no dev split. `seisnet evaluate` gives those of the test split.")
            return
        yield _filled(
            "Of the dev split, on which the epoch and any thresholds were chosen, so that they flatter; `seisnet "
            "evaluate` gives those of the test split. Single windows, the most probable class of the first stage:"
        )
        digits = {"windows": 0, "precision": 2, "recall": 2, "f1": 2}
        rows = [(name, *_numbers(found, digits)) for name, found in scores["classes"].items()]
        whole = ("all", len(self._dev), "", f"accuracy {scores['accuracy']:.2f}", f"macro {scores['macro_f1']:.2f}")
        yield _table(("class", "windows", "precision", "recall", "F1"), [*rows, whole])
        if self._picks:
            hours = max(found["hours"] for found in self._picks.values())
            yield _filled(
                f"Picks by all stages in excerpts of records, {hours:.2f} hours in which every onset is labelled, at "
                f"the thresholds below. A pick within {TOLERANCE_S:g} s of an onset is right, one so near to a later "
                "phase, or to a label without weight, neither right nor false, any other false:"
            )
            digits = {"onsets": 0, "precision": 2, "recall": 2, "f1": 2, "mae_s": 3, "false_an_hour": 1}
            head = ("phase", "onsets", "precision", "recall", "F1", "mean error, s", "false an hour")
            yield _table(head, [(name, *_numbers(found, digits)) for name, found in self._picks.items()])

    def _thresholds(self) -> Iterator[str]:
        values = sorted(self._stored.thresholds.items())
        yield ", ".join(f"{name} {value:g}" for name, value in values) + "."
        kept = [name for name, _ in values if name not in self._picks]
        if self._picks:
            yield f"Chosen on dev: {', '.join(self._picks)}, the middle one of those with the highest F1 of picks."
        if kept:
            few = f"the excerpts of dev hold fewer than {FEWEST_ONSETS} onsets of each"
            why = few if self._recipe.task == "phase" else "training chooses none for classes"
            yield f"{f'Those of {self._start}' if self._start else 'By default'}: {', '.join(kept)}; {why}."
        budget = self._config.false_alarms_per_hour
        quiet = {name: found for name, found in self._picks.items() if found["quiet_hours"]}
        if budget and quiet:
            hours = max(found["quiet_hours"] for found in quiet.values())
            made = ", ".join(f"{name} {found['quiet_false_an_hour']:.1f}" for name, found in quiet.items())
            yield (
                f"A budget of false picks ({budget:g} an hour) came first; in {hours:.2f} quiet hours of dev there are "
                f"now: {made}."
            )
        elif budget:
            yield f"A budget of false picks ({budget:g} an hour) was asked for, but nothing could judge it."

    def _calibration(self) -> Iterator[str]:
        temperature = self._stored.temperature
        if not self._picks:
            whose = f", that of {self._start}" if self._start else ""
            yield f"None (temperature {temperature:.3g}{whose}): probabilities may be too high or too low."
            return
        yield (
            f"Temperature {temperature:.3g}, of the least log-loss on excerpts of the dev split. In quieter data, "
            "fewer picks are right than their probabilities say."
        )
        if any(stage.reads == READS["onset"] for stage in self._stored.stages):
            right = {name: round(found["recall"] * found["onsets"]) for name, found in self._picks.items()}
            judged = [name for name, n in right.items() if n >= FEWEST_ONSETS]
            if factors := ", ".join(f"{name} {self._stored.spread[name]:.2g}" for name in judged):
                yield f"Uncertainties are multiplied ({factors}) so that {ONE_SIGMA:.0%} of errors there are smaller."
            if others := [name for name in self._stored.thresholds if name not in judged]:
                few = f"fewer than {FEWEST_ONSETS} picks of each are right"
                yield f"Uncertainties of {' and '.join(others)} were not judged: {few}."

    def _limits(self) -> Iterator[str]:
        classes = dict(enumerate(self._stored.classes))
        if len(self._stations) == 1:
            yield f"It has learned from one station: what it does at others than {self._stations[0]} is not known."
        if self._events < FEW_EVENTS:
            yield f"It has learned from few events: {self._events}."
        if self._absent:
            yield f"No window to learn from has a component {' or '.join(self._absent)}."
        if missing := [name for k, name in classes.items() if not (self._train.y == k).any()]:
            yield f"No window to learn from is {' or '.join(missing)}."
        if known := set(self._dev_stations) & set(self._stations):
            of = f"{len(known)} of {counted(len(self._dev_stations), 'station')}"
            yield f"Expect less at stations that are new to it: it has learned from {of} of the dev split."
        few = [f"{n} {name}" for k, name in classes.items() if (n := np.sum(self._dev.y == k)) < FEW_WINDOWS]
        if few and len(self._dev):
            yield f"The figures rest on few windows: {', '.join(few)}."
        yield "Other regions, instruments, noise and distances than those of the data were not taught."

    def _commands(self) -> Iterator[str]:
        """The commands, and a file of settings with all that are not the default."""
        start, base = "", TrainConfig()
        if self._parent:
            name, base = self._parent.name, settings_for(self._parent)
            start = f" --init {name if name in shipped_models() else f'{name}.h5'}"
        settings = [*_toml("preprocess", self._recipe, PreprocessConfig()), *_toml("train", self._config, base)]
        config = " --config settings.toml" if settings else ""
        known = {"inventory": " --inventory FILE", "miner_sha256": " --mine MODEL"}
        more = "".join(option for name, option in known.items() if name in self._info.attributes)
        yield f"seisnet preprocess SOURCE... --labels FILE... -o windows.h5{more}{config}"
        yield f"seisnet train windows.h5 -o model.h5{start}{config}"
        yield from ("", "# settings.toml", *settings) if settings else ()


def _stations(rows: WindowRows) -> list[str]:
    return sorted({station_of(str(trace_id)) for trace_id in set(rows.trace_id)})


def _toml(table: str, config: Any, base: Any) -> Iterator[str]:
    """A table of what differs from other settings of the kind."""
    changed = [name for name, value in vars(config).items() if value != getattr(base, name)]
    yield from [f"[{table}]"] if changed else []
    yield from (f"{name} = {json.dumps(getattr(config, name), ensure_ascii=False)}" for name in changed)


def _filled(text: str) -> str:
    return "\n".join(filled(text))


def _items(lines: Iterable[str]) -> str:
    return "\n".join(line for item in lines for line in filled(f"- {item}", "  "))


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (head, ["---"] * len(head), *rows))


def _numbers(found: Mapping[str, Any], digits: Mapping[str, int]) -> list[str]:
    """Figures with so many digits; nothing where there is none."""
    return ["" if found[key] is None else f"{found[key]:.{n}f}" for key, n in digits.items()]
