"""How probabilities become picks."""

from __future__ import annotations

from dataclasses import dataclass, field

from seisnet.config.checks import between, each_between, or_default, settle


@dataclass(frozen=True)
class PickConfig:
    """How probability traces become picks.

    Attributes
    ----------
    thresholds : dict of str to float
        Class to the probability that a pick must reach; classes that are absent keep the model's threshold.
    min_distance_s : float
        Two picks of one phase in one record lie at least this far apart; the more probable one stays.
    same_onset_s : float
        Of two picks of different phases in one record closer than this, the more probable stays: one onset is
        not both.
    rival_s : float
        Picks lose probability where a more probable one of their phase on the same instrument lies nearer than this
        and stands out more (`seisnet.picking.rivals`); 0 lets them be, for swarms of unequal earthquakes.
    refine_s : float
        A pick moves to the onset that Akaike's criterion finds within this of it; 0 leaves it where it is.
    hop_s : float
        Step of the scan, a multiple of the model's `hop_s`; 0 takes that itself.
    p_before_s : float
        An S pick needs a P pick on the same instrument at most this long before it; 0 asks for none.
    coincidence : int
        Picks need company: so many stations must have one within `coincidence_s`, their own included; 1 asks for none.
    coincidence_s : float
        The longest time between the first and the last pick of a coincidence: the travel time across the stations.
    """

    thresholds: dict[str, float] = field(default_factory=dict)
    min_distance_s: float = 1.0
    same_onset_s: float = 0.1
    rival_s: float = 40.0
    refine_s: float = 0.25
    hop_s: float = 0.0
    p_before_s: float = 0.0
    coincidence: int = 1
    coincidence_s: float = 15.0

    @classmethod
    def of(cls, config: PickConfig | None) -> PickConfig:
        """A config, or one of the defaults where there is none; anything else is refused with a ConfigError."""
        return or_default(config, cls, ", such as PickConfig(thresholds={'P': 0.3})")

    def __post_init__(self) -> None:
        settle(self)
        for name, threshold in self.thresholds.items():
            between(f"threshold {name}", threshold, 0.0, 1.0)
        each_between(self, 0.0, 3600.0, "min_distance_s", "same_onset_s", "rival_s", "p_before_s", "coincidence_s")
        each_between(self, 0.0, 60.0, "refine_s", "hop_s")
        between("coincidence", self.coincidence, 1, 10_000)
