"""How good the picks of a model are: what it gives on records whose onsets are known, at every threshold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PickConfig, PreprocessConfig
from seisnet.model import Model
from seisnet.picks import Pick
from seisnet.store.excerpts import Excerpt
from seisnet.training.excerpt_data import as_record, known_ns, reference_ns
from seisnet.waveforms.records import NS_PER_S

TOLERANCE_S = 0.5
"""A pick farther from any reference pick is false."""

GRID = [k / 100 for k in range(5, 99)]
"""Thresholds that are tried."""

LOWEST_THRESHOLD = GRID[0]

STARTS = 4
"""How often `try_picks` picks every record for figures that are published."""

FLAT = 0.01
"""Scores that differ by less count as equal. The ends of such a flat stretch are risky thresholds, above all its upper
end in regions that a model has not seen, where probabilities of onsets are lower."""

FLAT_ONSETS = 2
"""Scores also count as equal if they differ by less than so many onsets' share of all: what a few picks decide is
chance. With 20 onsets the threshold would else be anything from .1 to .7, and F1 on other records .005 lower
(benchmarks/EXPERIMENTS.md, 2026-11-30)."""

FEWEST_ONSETS = 20
"""A class with fewer onsets is not calibrated, and the errors of fewer right picks are not judged."""

ONE_SIGMA = 0.6827

LEAST_ERROR_S = 0.001
"""Smaller errors count as this: if most picks lie at the very sample of the onset, that is not known with certainty."""


@dataclass
class Trial:
    """Picks of one class at the lowest threshold on records with known onsets.

    Attributes
    ----------
    probability, residual_s, uncertainty_s : list of float
        One a pick; the residual is NaN where it is false.
    n_reference : int
        Number of onsets.
    hours : float
        Length of record in which a pick can be false.
    """

    probability: list[float] = field(default_factory=list)
    residual_s: list[float] = field(default_factory=list)
    uncertainty_s: list[float] = field(default_factory=list)
    n_reference: int = 0
    hours: float = 0.0

    def add(
        self,
        picks: Sequence[Pick],
        onsets_ns: Sequence[int],
        ranges_ns: Sequence[tuple[int, int]],
        unclear_ns: Sequence[int] = (),
    ) -> None:
        """Match the picks of a record, the most probable first; the others are false where all onsets are known.

        One near an onset that is unclear, a later phase or a pick that its analyst does not use, is neither right nor
        false, as in `seisnet.scoring.matching.score_picks`.
        """
        left = list(onsets_ns)
        self.n_reference += len(left)
        self.hours += sum(high - low for low, high in ranges_ns) / NS_PER_S / 3600
        for pick in sorted(picks, key=lambda p: (-p.probability, p.time_ns)):
            nearest = min(left, key=lambda t: abs(t - pick.time_ns), default=None)
            residual_s = math.inf if nearest is None else (pick.time_ns - nearest) / NS_PER_S
            if nearest is not None and abs(residual_s) <= TOLERANCE_S:
                left.remove(nearest)
            elif any(abs(pick.time_ns - t) <= TOLERANCE_S * NS_PER_S for t in unclear_ns):
                continue
            elif any(low <= pick.time_ns < high for low, high in ranges_ns):
                residual_s = math.nan
            else:
                continue
            self.probability.append(pick.probability)
            self.residual_s.append(residual_s)
            self.uncertainty_s.append(pick.uncertainty_s)

    def at(self, threshold: float, *, within_s: float = TOLERANCE_S) -> tuple[float, float, float]:
        """Precision, recall and F1 of the picks that reach a threshold; a match farther off than `within_s` is none."""
        residual = self._reaching(threshold, self.residual_s)
        n, hits = len(residual), int((np.abs(residual) <= within_s).sum())
        return hits / max(n, 1), hits / max(self.n_reference, 1), 2 * hits / max(n + self.n_reference, 1)

    def false_an_hour(self, threshold: float) -> float:
        """False picks an hour at a threshold."""
        wrong = np.isnan(self._reaching(threshold, self.residual_s))
        return float(wrong.sum()) / self.hours if self.hours else math.nan

    def within_budget(self, false_alarms_per_hour: float) -> float:
        """Lowest threshold with no more false picks an hour than this; the highest of all if there is none."""
        return next((t for t in GRID if not self.false_an_hour(t) > false_alarms_per_hour), GRID[-1])

    def best_threshold(self, lowest: float = 0.0) -> float:
        """Threshold in the middle of those whose F1 is as good as the highest, and that are not below `lowest`."""
        allowed = [t for t in GRID if t >= lowest]
        scores = np.array([self.at(t)[2] for t in allowed])
        flat = np.flatnonzero(scores >= scores.max() - max(FLAT, FLAT_ONSETS / max(self.n_reference, 1)))
        return float(allowed[int(flat[len(flat) // 2])])

    def residuals_s(self, threshold: float) -> NDArray[np.float64]:
        """Residuals of the matched picks that reach a threshold, in seconds."""
        residual = self._reaching(threshold, self.residual_s)
        return residual[np.isfinite(residual)]

    def mae_s(self, threshold: float) -> float:
        """Mean distance of the matched picks that reach a threshold from their onsets; NaN where there are none."""
        residual = self.residuals_s(threshold)
        return float(np.abs(residual).mean()) if len(residual) else math.nan

    def spread(self, threshold: float) -> float:
        """Factor on the expected errors that makes the share `ONE_SIGMA` of the errors smaller than expected."""
        error = np.maximum(np.abs(self._reaching(threshold, self.residual_s)), LEAST_ERROR_S)
        expected = self._reaching(threshold, self.uncertainty_s)
        usable = np.isfinite(error) & np.isfinite(expected)
        return float(np.quantile(error[usable] / expected[usable], ONE_SIGMA)) if usable.sum() >= FEWEST_ONSETS else 1.0

    def _reaching(self, threshold: float, values: Sequence[float]) -> NDArray[np.float64]:
        """Those of the values, one a pick, whose pick reaches a threshold."""
        return np.array(values, dtype=np.float64)[np.array(self.probability) >= threshold]


def merged(parts: Sequence[Mapping[str, Trial]]) -> dict[str, Trial]:
    """All trials together."""
    whole: dict[str, Trial] = {}
    for part in parts:
        for name, trial in part.items():
            known = whole.setdefault(name, Trial())
            known.probability += trial.probability
            known.residual_s += trial.residual_s
            known.uncertainty_s += trial.uncertainty_s
            known.n_reference += trial.n_reference
            known.hours += trial.hours
    return whole


def try_picks(
    model: Model, excerpts: Iterable[Excerpt], config: PickConfig | None = None, *, starts: int = 1
) -> dict[str, Trial]:
    """Pick the onsets of records whose onsets are known, at the lowest threshold.

    Parameters
    ----------
    model : Model
    excerpts : iterable of Excerpt
    config : PickConfig, optional
    starts : int
        How often each excerpt is picked, every time with its start at another place between two columns of the scan.
        Where the columns fall is chance. Figures from one placement contain that chance, and flatter whatever was
        chosen by them. Onsets and hours of the trials count as often.
    """
    trials = {name: Trial() for name in model.classes if name != "noise"}
    low = replace(PickConfig.of(config), thresholds=dict.fromkeys(trials, LOWEST_THRESHOLD))
    hop_ns = round(model.preprocess.hop_s * NS_PER_S)
    moved = (replace(e, start_ns=e.start_ns + k * hop_ns // starts) for e in excerpts for k in range(starts))
    for excerpt in moved:
        record = as_record(excerpt)
        picks = model.follow(record, low).add(record.data, last=True).picks
        for label, name in enumerate(model.classes):
            if name in trials:
                mine = [p for p in picks if p.phase == name]
                trials[name].add(mine, reference_ns(excerpt, label), known_ns(excerpt), reference_ns(excerpt, -1))
    return trials


def quiet_parts(excerpts: Iterable[Excerpt], config: PreprocessConfig) -> Iterator[Excerpt]:
    """What should give no pick: all of a record without onsets, else what comes well before its first one."""
    for excerpt in excerpts:
        first = min((sample for sample, _ in excerpt.onsets), default=math.inf)
        stop = int(min(first - config.noise_gap_s * excerpt.sampling_rate_hz, excerpt.n_samples))
        if stop >= 2 * config.window_samples:
            known = tuple((low, min(high, stop)) for low, high in excerpt.known if low < stop)
            yield replace(excerpt, data=excerpt.data[:, :stop], onsets=(), weights=(), known=known)
