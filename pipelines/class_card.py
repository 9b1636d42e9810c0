"""The card of a class model, in Markdown: words from the TOML file, every figure from the JSON of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from card_figures import interval, table, worded
from settings import Words

from seisnet.store.model_file import StoredModel


@dataclass(frozen=True)
class ClassWords(Words):
    """Table ``[card]``; the command that made the model may lack."""

    classes: str = ""
    command: str = ""


def card(name: str, words: ClassWords, metrics: Mapping[str, Any], stored: StoredModel) -> str:
    """Write the card; `seisnet.model_cards.SECTIONS` says which headings it must have."""
    data, config = metrics["data"], stored.preprocess
    counted = ", ".join(f"{label} {n}" for label, n in data["windows"].items())
    parts = [
        f"# {name}",
        words.summary,
        "## Data",
        words.data,
        f"Windows: {counted}; {data['augmented']} more are shifted copies, for training only. "
        f"Stations: {', '.join(data['stations'])}.",
        "## Citation",
        words.citation,
        "## Licence",
        words.licence,
        "## Preprocessing",
        f"Windows of {config['window_s']:g} s at {config['sampling_rate_hz']:g} Hz, components Z, N, E, feature "
        f"`{config['features']}`: frames of {config['frame_s']:g} s every {config['hop_s']:g} s, "
        f"{config['freqmin_hz']:g} to {config['freqmax_hz']:g} Hz, normalised over the window. "
        f"Network {'-'.join(map(str, stored.stages[0].sizes))}, {data['parameters']} parameters.",
        "## Classes",
        words.classes,
        "## Figures",
        *_figures(metrics),
        "## Thresholds",
        "Of the best F1 of each class, against all others, in the cross-validation: "
        + ", ".join(f"{label} {t:g}" for label, t in sorted(metrics["thresholds"].items()))
        + ". Chosen on the windows of the first table, of all recordings, which flatters what they give here. "
        "`--threshold CLASS=X` overrides them.",
        "## Calibration",
        f"Expected calibration error of the most probable class in the cross-validation: "
        f"{metrics['cross_validation']['ece']:.3f}; no temperature was fitted to so few events.",
        "## Limits",
        words.limits,
        "## Reproduce",
        f"    {metrics['command'].strip() or '(command in [card] says nothing)'}",
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _figures(metrics: Mapping[str, Any]) -> list[str]:
    found = metrics["cross_validation"]
    parts = [
        f"Cross-validation in {found['folds']} folds; windows of one event, or that overlap in time, at whatever "
        f"station, stay together ({found['blocks']} such blocks). Intervals: 95 %, blocks drawn with replacement.",
        _score_table(found),
    ]
    if altered := metrics["altered"]:
        rows = (
            f"| {what} | {n['windows']} | {n['macro_f1']:.2f} | {n['as_they_are']:.2f} | {n['largest_change']:.4f} |"
            for what, n in altered.items()
        )
        parts += [
            "Windows of records of three components, altered: macro-F1, that of the same windows as they are, and how "
            "far the probability of a class moves at most:",
            table("| records | windows | macro-F1 | as they are | largest change |", rows),
        ]
    if other := metrics.get("across_recordings"):
        parts += [f"Trained without one of the {other['recordings']} recordings, judged on it:", _score_table(other)]
    if records := metrics.get("records"):
        rows = (
            f"| {n['class']} | {n['threshold']:g} | {n['listed']} | {n['found']} | {n['not_listed']} | "
            f"{n['not_listed_an_hour']:.1f} |"
            for n in records["rows"]
        )
        parts += [
            f"Whole recordings ({records['hours']:.1f} h), each scanned by a network that has learned from the others "
            "alone, at the shipped thresholds and at higher ones; a detection is one that "
            f"{records['fewest_stations']} stations share:",
            table("| class | threshold | on the list | found | not on the list | ... an hour |", rows),
        ]
    return parts


def _score_table(found: Mapping[str, Any]) -> str:
    rows = [
        f"| {label} | {n['windows']} | {n['blocks']} | {worded(n['precision'], 2)} | {worded(n['recall'], 2)} | "
        f"{worded(n['f1'], 2)}{interval(n['f1_interval_95'], 2)} |"
        for label, n in found["classes"].items()
    ]
    rows.append(
        f"| all | {found['windows']} | {found['blocks']} | | accuracy {found['accuracy']:.2f} | "
        f"macro {found['macro_f1']:.2f}{interval(found['macro_f1_interval_95'], 2)} |"
    )
    return table("| class | windows | blocks | precision | recall | F1 |", rows)
