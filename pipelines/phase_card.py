"""The card of the shipped phase picker, of nothing but its figures."""

from __future__ import annotations

from typing import Any

CARD = """# phase

P and S onsets of local and regional earthquakes, with their uncertainties.

## Data

Records: {records}{copies}.
Beside them {synthetic} synthetic records (`seisnet.synthetic`), near and regional, at rates from 20 to 250 Hz:
{befallen}.
Labels are analysts' picks, on the ocean bottom automatic ones checked by eye.

## Citation

NCEDC (2014), doi:10.7932/NCEDC, through the samples of PhaseNet (Zhu and Beroza 2019, doi:10.1093/gji/ggy423) and
DeepDenoiser (Zhu, Mousavi and Beroza 2019, doi:10.1109/TGRS.2019.2926772); open ocean-bottom networks through the
sample of OBSTransformer (Niksejel and Zhang 2024, doi:10.1093/gji/ggae049).

## Licence

MIT, as are the repositories of the samples. Public domain and open networks are cited above.

## Preprocessing

100 Hz, no filter, no response removed. Log-spectrogram of four seconds, ten bands centred on 2.5 to 25 Hz, read by a
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
earthquakes that nobody labelled. Every record was picked {starts} times, each time with its start at another place
between two columns of the scan: figures vary with that by a hundredth. One threshold for all sets. Intervals hold 95 %,
by drawing events.

{picks}

What to expect in a region that the model does not know: the same with each region left out of training ({regions}).

{picks_elsewhere}

By signal-to-noise ratio at the first onset and by S - P time, and on altered records:

| records | number | F1 of P (onsets) | F1 of S (onsets) |
|---|---|---|---|
{conditions}

Turned over and a thousand times as large, records give the same probabilities to within {change:.4f}.

Single windows (P-centred, S-centred, noise), the first network alone: macro-F1 {macro_f1:.3f} ({low:.3f} to
{high:.3f}).

On {hours:.2f} hours without a labelled onset (before earthquakes, and noise): {quiet} an hour, some of them real.

## Thresholds

{thresholds}: of those with the highest F1 where the region was not known, to within a hundredth, the middle one.

## Calibration

Temperature {temperature:.2f}; it and the spread of onset errors are those where the region was not known. Probabilities
are those of columns of a scan in records that hold an earthquake each; in quieter data onsets are rarer than they say.
Of the folds by station, mean probability of picks in five bins, and the share of them that is right: {reliability}.
Shares of onset errors within 1 and 1.96 standard errors (0.68 and 0.95 would be right): {coverage}.

## Limits

Trained on a few hundred records, most of them Californian, most with S - P below 5 s; long S - P times are known from
synthetic records and some of the ocean bottom only, earthquakes above magnitude 5 from synthetic records alone.
Sampling rates below 50 Hz hold less than the band, and filters take from it: P loses more than S, see the table. S on a
vertical alone, and P and S without a vertical, are less certain. Of two earthquakes within some seconds the weaker one
is often missed, within half a minute a far weaker one: `rival_s = 0` helps in swarms. Noise of cities, volcanoes and
mines was hardly seen. Spikes of three samples and more, which are not replaced, give false picks; machines that hum
hide onsets.
Within two seconds of the beginning of a record, or of the end of a gap, nothing is picked; within a second of an end
onsets are less certain.
Thresholds depend on noise: look at a day of your own station first.

## Reproduce

    python pipelines/phase_model.py --data FOLDER -o seisnet/models/phase.h5
"""


HEAD = """\
| set | phase | F1 | at its best threshold | within 0.1 s | precision | recall | MAE, s | onsets |
|---|---|---|---|---|---|---|---|---|"""


def card(figures: dict[str, Any]) -> str:
    """Markdown, see `seisnet.model_cards`."""
    windows, quiet = figures["windows"], figures["quiet"]
    return CARD.format(
        records=", ".join(f"{n} of {name}" for name, n in figures["records"].items()),
        synthetic=figures["synthetic_records"],
        befallen=_befallen(figures),
        folds=figures["folds"],
        copies=_copies(figures["copies"]),
        hidden=" and ".join(map(str, figures["hidden"])),
        ensemble=_ensemble(figures["members"], figures["distil"]),
        conditions="\n".join(
            f"| {name} | {f['records']} | {_f1(f.get('P'))} | {_f1(f.get('S'))} |"
            for name, f in figures["conditions"].items()
        ),
        change=figures["largest_change"],
        reliability="; ".join(
            f"{phase} " + ", ".join(f"{b['probability']:.2f}: {b['right']:.2f}" for b in bins)
            for phase, bins in figures["reliability"].items()
        ),
        starts=figures["starts"],
        picks=_table(figures["picks"]),
        picks_elsewhere=_table(figures["picks_elsewhere"]),
        regions="; ".join(f"{region}: {', '.join(names)}" for region, names in figures["regions"].items()),
        macro_f1=windows["macro_f1"],
        low=windows["interval_95"][0],
        high=windows["interval_95"][1],
        thresholds=", ".join(f"{phase} {t:.2f}" for phase, t in figures["thresholds"].items()),
        temperature=figures["temperature"],
        quiet=" and ".join(f"{q['false_an_hour']:.2f} {phase} picks" for phase, q in quiet.items()),
        hours=next(iter(quiet.values()))["hours"],
        coverage="; ".join(
            f"{phase} {_known(c['within_1'], 2)} and {_known(c['within_1.96'], 2)}"
            for phase, c in figures["coverage"].items()
        ),
    )


def _table(picks: dict[str, Any]) -> str:
    rows = (
        f"| {name} | {phase} | {f['f1']:.3f} ({f['interval_95'][0]:.3f} to {f['interval_95'][1]:.3f}) "
        f"| {f['f1_best']:.3f} | {f['f1_0.1_s']:.3f} | {f['precision']:.3f} "
        f"| {f['recall']:.3f} | {_known(f['mae_s'], 3)} | {f['onsets']} |"
        for name, phases in picks.items()
        for phase, f in phases.items()
    )
    return "\n".join((HEAD, *rows))


def _copies(n: int) -> str:
    if not n:
        return ""
    return (
        f"; of each {n} altered copies (stretched in time, as of another source and at another site, turned, noise "
        "mixed in, overlaid with another event, components lost; `seisnet.training.altering`)"
    )


def _befallen(figures: dict[str, Any]) -> str:
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


def _known(figure: float | None, digits: int) -> str:
    return "none" if figure is None else f"{figure:.{digits}f}"


def _f1(found: dict[str, Any] | None) -> str:
    return "" if found is None else f"{found['f1']:.3f} ({found['onsets']})"
