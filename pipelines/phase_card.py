"""The card of a phase picker, in Markdown: words from the TOML file, recipe and figures from the run.

The text under Preprocessing fits a picker of three stages that reads log-spectrograms, as `phase_model` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from card_figures import interval, table, worded
from settings import Words

from seisnet.config import PreprocessConfig, from_dict
from seisnet.features import make_feature
from seisnet.store.model_file import StoredModel

CARD = """# {name}

{summary}

## Data

Records: {records}{copies}.
Beside them {synthetic} synthetic records (`seisnet.synthetic`), near and regional, at rates from 20 to 250 Hz:
{befallen}.
{data}

## Citation

{citation}

## Licence

{licence}

## Preprocessing

{rate_hz:g} Hz, no filter, {response}. Log-spectrogram of {window} seconds, {bands}, read by a
network of {hidden} units; a second network reads its log-odds within six seconds, log-energies and what was seen in
the last 40 seconds; a third moves each pick half way to where it sees the onset and says how far off it may be;
Akaike's criterion has the last word (of S it sees the horizontals, behind P where that is seen, less what two samples
foretell of the next).
Picks that stand out less than a more probable one of their phase within 40 s lose some of their log-odds (`rival_s`).
{ensemble}

## Classes

P, S, noise. P stands for all phases whose last leg is P (Pg, Pn, ...), S likewise.

## Figures

Of {folds} folds by station: no record was scanned by a model that knew its station, most by one that knew its region.
Whole records, half a second of tolerance; every pick beyond the matched one counts as false, although some are of real
earthquakes that nobody labelled. Behind a P whose S is not labelled{without_s}, picks count
neither way. Every record was picked {starts} times, each time with its start at another place between two columns of
the scan: figures vary with that by a hundredth. One threshold for all sets. Intervals hold 95 %, by drawing events.

{picks}

What to expect in a region that the model does not know: the same with each region left out of training ({regions}).

{picks_elsewhere}

By signal-to-noise ratio at the first onset and by S - P time, and on altered records:

{conditions}

Turned over and a thousand times as large, records give the same probabilities to within {change:.4f}.

Single windows (P-centred, S-centred, noise), the first network alone: macro-F1 {macro_f1}.

On {hours:.2f} hours without a labelled onset (before earthquakes, and noise): {quiet} an hour, some of them real.

## Thresholds

{thresholds}: of those with the highest F1 where the region was not known, to within a hundredth,
the middle one{budget}.

## Calibration

Temperature {temperature:.2f}; it and the spread of onset errors are those where the region was not known. Probabilities
are those of columns of a scan in records that hold an earthquake each; in quieter data onsets are rarer than they say.
Of the folds by station, mean probability of picks in five bins, and the share of them that is right: {reliability}.
Shares of onset errors within 1 and 1.96 standard errors (0.68 and 0.95 would be right): {coverage}.

## Limits

{limits}

## Reproduce

    python pipelines/phase_model.py --data FOLDER -o seisnet/models/{name}.h5{config}
"""


def card(name: str, words: Words, figures: Mapping[str, Any], stored: StoredModel, config: str = "") -> str:
    """Write the card; `seisnet.model_cards.SECTIONS` says which headings it must have.

    Parameters
    ----------
    name : str
        Of the model.
    words : Words
    figures : mapping of str
        As in the JSON.
    stored : StoredModel
    config : str, optional
        Name of the TOML file, where it is not that of the pipeline.
    """
    windows, quiet, limit = figures["windows"], figures["quiet"], figures["false_alarms_per_hour"]
    recipe = from_dict(PreprocessConfig, dict(stored.preprocess))
    centres_hz = make_feature(recipe).frequencies_hz
    return CARD.format(
        **{heading: text.strip() for heading, text in vars(words).items()},
        name=name,
        config=f" --config {config}" if config else "",
        records=", ".join(f"{n} of {name}" for name, n in figures["records"].items()),
        synthetic=figures["synthetic_records"],
        befallen=_befallen(figures),
        folds=figures["folds"],
        copies=_copies(figures["copies"]),
        rate_hz=recipe.sampling_rate_hz,
        response="no response removed" if recipe.response == "none" else f"response removed, to {recipe.response}",
        window=_in_words(recipe.window_s),
        bands=f"{_in_words(len(centres_hz))} bands centred on {centres_hz[0]:.3g} to {centres_hz[-1]:.3g} Hz",
        hidden=" and ".join(map(str, stored.stages[0].sizes[1:-1])),
        ensemble=_ensemble(figures["members"], figures["distil"]),
        without_s=_without_s(figures["picks"]),
        conditions=_conditions(figures["conditions"]),
        change=figures["largest_change"],
        reliability="; ".join(
            f"{phase} " + ", ".join(f"{b['probability']:.2f}: {b['right']:.2f}" for b in bins)
            for phase, bins in figures["reliability"].items()
        ),
        starts=figures["starts"],
        picks=_picks(figures["picks"]),
        picks_elsewhere=_picks(figures["picks_elsewhere"]),
        regions="; ".join(f"{region}: {', '.join(names)}" for region, names in figures["regions"].items()),
        macro_f1=f"{windows['macro_f1']:.3f}{interval(windows['interval_95'], 3)}",
        thresholds=", ".join(f"{phase} {t:.2f}" for phase, t in figures["thresholds"].items()),
        budget=""
        if limit is None
        else f", among those that keep to {limit:g} false picks an hour of quiet records, if any does",
        temperature=figures["temperature"],
        quiet=" and ".join(f"{worded(q['false_an_hour'], 2)} {phase} picks" for phase, q in quiet.items()),
        hours=next(iter(quiet.values()))["hours"],
        coverage="; ".join(
            f"{phase} {worded(c['within_1'], 2)} and {worded(c['within_1.96'], 2)}"
            for phase, c in figures["coverage"].items()
        ),
    )


def _in_words(n: float) -> str:
    small = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return small[int(n)] if n in range(len(small)) else f"{n:g}"


def _without_s(picks: Mapping[str, Any]) -> str:
    """The sets whose S are not labelled, as an example."""
    names = [name for name, phases in picks.items() if "S" not in phases]
    return f" (as in all of {' and '.join(names)})" if names else ""


def _conditions(conditions: Mapping[str, Any]) -> str:
    rows = (f"| {name} | {f['records']} | {_f1(f.get('P'))} | {_f1(f.get('S'))} |" for name, f in conditions.items())
    return table("| records | number | F1 of P (onsets) | F1 of S (onsets) |", rows)


def _picks(picks: Mapping[str, Any]) -> str:
    rows = (
        f"| {name} | {phase} | {f['f1']:.3f}{interval(f['interval_95'], 3)} "
        f"| {f['f1_best']:.3f} | {f['f1_0.1_s']:.3f} | {f['precision']:.3f} "
        f"| {f['recall']:.3f} | {worded(f['mae_s'], 3)} | {f['onsets']} |"
        for name, phases in picks.items()
        for phase, f in phases.items()
    )
    head = "| set | phase | F1 | at its best threshold | within 0.1 s | precision | recall | MAE, s | onsets |"
    return table(head, rows)


def _copies(n: int) -> str:
    if not n:
        return ""
    return (
        f"; of each {n} altered copies (stretched in time, as of another source and at another site, turned, noise "
        "mixed in, overlaid with another event, components lost; `seisnet.training.altering`)"
    )


def _befallen(figures: Mapping[str, Any]) -> str:
    """What is done to shares of the synthetic records."""
    words = {
        "filtered_share": "filtered at random",
        "lost_share": "without one of their three components",
        "faulty_share": "with spikes, filled gaps, hum, coarse digits or clipped",
        "cut_share": "beginning shortly before P, as many ending shortly after S",
    }
    return ", ".join(f"{figures[share]:.0%} {what}" for share, what in words.items() if figures[share]) or "as they are"


def _ensemble(members: int, distil: bool) -> str:
    """How many networks there are of the first two kinds."""
    if distil:
        return f"Each of the first two was taught by {members} such networks, which had learned from the labels."
    return f"Of the first two there are {members} each, averaged." if members > 1 else ""


def _f1(found: Mapping[str, Any] | None) -> str:
    return "" if found is None else f"{found['f1']:.3f} ({found['onsets']})"
