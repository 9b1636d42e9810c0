"""How recordings become windows, and data sets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seisnet.config.checks import between, each_between, one_of, rising, settle, whole
from seisnet.errors import ConfigError

FEATURES = ("logspec", "raw")
TASKS = ("phase", "class")
RESPONSES = ("none", "displacement", "velocity", "acceleration")
SPLIT_BY = ("auto", "event", "both", "given")


@dataclass(frozen=True)
class PreprocessConfig:
    """How waveforms become windows and features; it travels with the windows and with every model.

    Attributes
    ----------
    task : {"phase", "class"}
        What the classes mean: P, S and noise around picks, or stretches of named signals.
    class_names : tuple of str
        Classes of task ``class``, in the order of the network's outputs; empty takes those that the labels name.
    class_windows : int
        Most windows cut from one labelled stretch of task ``class``, side by side.
    features : {"logspec", "raw"}
        Name of the feature (see `seisnet.features`).
    sampling_rate_hz : float
        Every record is brought to this rate.
    response : {"none", "displacement", "velocity", "acceleration"}
        Ground motion that records are brought to before, with station metadata; ``none`` leaves the instrument's
        response on.
    window_s : float
        Length of a window.
    frame_s, hop_s : float
        Length of a spectrogram frame and step between frames; `hop_s` is also the step of the scan.
    freqmin_hz, freqmax_hz : float
        Limits of what the features keep; a spectrogram has bands at multiples of 1 / `frame_s` alone.
    noise_gap_s : float
        A noise window ends at least this long before a P pick.
    noise_windows : int
        Noise windows cut from a record beside those of augmentation, as far as they might lie side by side: of task
        ``phase`` for every event in it, of task ``class`` for every labelled window.
    coda_windows : int
        Windows of every event without onset, from between P and S and from the S coda, labelled noise, in the
        training split: they teach that a strong signal alone is no onset.
    shifts : int
        Shifted copies of every onset window, and further noise windows, in the training split.
    shift_s : float
        Largest shift of such a copy.
    excerpts : bool
        Whether the windows of task ``phase`` come with excerpts of the labelled records, see
        `seisnet.windows.excerpting`.
    excerpt_s : float
        An excerpt reaches so far before the first and after the last of its picks.
    noise_ratio : float
        A noise window that nobody labelled, and in which some half second has more than this many times the energy of
        the quietest quarter, is left out, as it may hold an event that nobody listed. 0 takes all. The default leaves
        out about one in seventy noise windows of 4 s, and would leave out four of five with a P (see
        `seisnet.windows.cutting.energy_ratios`).
    link_s : float
        Picks, or traces of a data set, without an event that follow each other within this time, on whatever station,
        count as one event when splits are made, picks so near to those of an event as of that; 0 groups them by
        station and hour.
    mix_share, overlay_share : float
        Share of the augmented windows to which noise of the minute before the event, or coda of the event, from
        elsewhere in the record is added; noise that belongs to no event stays as it is.
    mix_snr_db, overlay_db : tuple of float
        Range of the level of the window over that of what is added.
    gain_db : float
        Every component of an augmented window is made up to this much louder or quieter.
    flip_share, drop_share, gap_share : float
        Share of the augmented windows that are turned upside down, lose one or two components, or get a gap.
    gap_s : float
        Longest such gap; half a window at most.
    mine_threshold : float
        A hard negative is an onset that a model sees with at least this probability where none is.
    mine_windows, mine_weight : int, float
        Most hard negatives of a record, the surest first, and their weight in the loss.
    split : tuple of float
        Shares of train, dev and test.
    split_by : {"auto", "event", "both", "given"}
        What never lies in two splits. ``both``: neither an event nor a station. ``auto``: both where events
        and stations fall apart into enough groups, else events. ``given``: the data set's own split column.
    seed : int
        Seed of every random choice.
    """

    task: str = "phase"
    features: str = "logspec"
    sampling_rate_hz: float = 100.0
    response: str = "none"
    window_s: float = 4.0
    frame_s: float = 0.4
    hop_s: float = 0.2
    freqmin_hz: float = 1.5
    freqmax_hz: float = 25.0
    noise_gap_s: float = 5.0
    noise_windows: int = 1
    coda_windows: int = 10
    shifts: int = 9
    shift_s: float = 0.25
    excerpts: bool = True
    excerpt_s: float = 60.0
    noise_ratio: float = 30.0
    link_s: float = 30.0
    mix_share: float = 0.0
    mix_snr_db: tuple[float, ...] = (0.0, 20.0)
    overlay_share: float = 0.0
    overlay_db: tuple[float, ...] = (0.0, 20.0)
    gain_db: float = 0.0
    flip_share: float = 0.0
    drop_share: float = 0.0
    gap_share: float = 0.0
    gap_s: float = 1.0
    mine_threshold: float = 0.5
    mine_windows: int = 10
    mine_weight: float = 1.0
    class_names: tuple[str, ...] = ()
    class_windows: int = 1
    split: tuple[float, ...] = (0.7, 0.15, 0.15)
    split_by: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        settle(self)
        one_of("task", self.task, TASKS)
        one_of("features", self.features, FEATURES)
        one_of("split_by", self.split_by, SPLIT_BY)
        one_of("response", self.response, RESPONSES)
        each_between(self, 0, 1000, "noise_windows", "coda_windows", "shifts", "mine_windows")
        each_between(self, 0.0, 3600.0, "noise_gap_s", "link_s")
        each_between(self, 0.0, 1.0, "mix_share", "overlay_share", "flip_share", "drop_share", "gap_share")
        between("mine_threshold", self.mine_threshold, 0.0, 1.0)
        between("mine_weight", self.mine_weight, 1e-6, 1000.0)  # a batch may hold no other windows
        between("excerpt_s", self.excerpt_s, 1.0, 3600.0)
        between("noise_ratio", self.noise_ratio, 0.0, 1e9)
        between("class_windows", self.class_windows, 1, 100_000)
        between("gain_db", self.gain_db, 0.0, 60.0)
        between("gap_s", self.gap_s, 0.01, 600.0)
        rising("mix_snr_db", self.mix_snr_db, -60.0, 100.0)
        rising("overlay_db", self.overlay_db, -60.0, 100.0)
        between("seed", self.seed, 0, 2**63 - 1)
        self._check_lengths()
        self._check_band()
        if len(set(self.class_names)) < len(self.class_names) or "" in self.class_names:
            raise ConfigError(f"class_names: got {self.class_names}; different names are needed")
        if self.class_names and self.task != "class":
            raise ConfigError("class_names need task = 'class'; the classes of task 'phase' are P, S and noise")
        if len(self.split) != 3 or not (min(self.split) >= 0 and abs(sum(self.split) - 1) <= 1e-6):  # also NaN
            raise ConfigError(f"split: got {self.split}; three shares (train, dev, test) that add up to 1 are needed")
        if self.split[0] == 0:
            raise ConfigError("split: the share of train is 0; nothing could be learned")

    def _check_lengths(self) -> None:
        """Check the lengths of window, frame, step and shift."""
        between("window_s", self.window_s, 0.1, 600.0)
        between("frame_s", self.frame_s, 0.02, 600.0)
        if self.frame_s > self.window_s:
            raise ConfigError(
                f"frame_s: got {self.frame_s:g}, longer than the window of {self.window_s:g} s: use a longer window "
                "(--window), or a shorter frame_s in a file for --config"
            )
        between("hop_s", self.hop_s, 1e-4, self.frame_s)
        between("shift_s", self.shift_s, 0.0, self.window_s / 2)

    def _check_band(self) -> None:
        """Check the sampling rate and the band, and that lengths and band fit the rate."""
        if self.response != "none" and self.freqmin_hz < 0.01:
            raise ConfigError(f"response: {self.freqmin_hz:g} Hz is too low for freqmin_hz; the minimum is 0.01 Hz")
        between("sampling_rate_hz", self.sampling_rate_hz, 1.0, 10_000.0)
        between("freqmax_hz", self.freqmax_hz, 0.0, 5000.0)
        self._check_rate()
        between("freqmin_hz", self.freqmin_hz, 0.0, self.sampling_rate_hz / 2)
        between("freqmax_hz", self.freqmax_hz, self.freqmin_hz, self.sampling_rate_hz / 2)
        for name in ("window_s", "frame_s", "hop_s"):
            whole(name, getattr(self, name), self.sampling_rate_hz)
        lowest, highest = math.ceil(self.freqmin_hz * self.frame_s), math.floor(self.freqmax_hz * self.frame_s)
        if self.features == "logspec" and lowest > highest:
            raise ConfigError(
                f"frame_s: the spectrum of {self.frame_s:g} s has a value every {1 / self.frame_s:g} Hz, none of them "
                f"between freqmin_hz, {self.freqmin_hz:g}, and freqmax_hz, {self.freqmax_hz:g}; set a longer frame_s"
            )

    def _check_rate(self) -> None:
        """Refuse a rate that is too low for what depends on it, and say what would do."""
        least_hz = {"hop_s": 1.0 / self.hop_s, "freqmax_hz": 2 * self.freqmax_hz}
        wrong = [name for name, hz in least_hz.items() if hz > self.sampling_rate_hz * (1 + 1e-9)]
        if wrong:
            least, needs = max(least_hz.values()), " and ".join(f"{name} = {getattr(self, name):g}" for name in wrong)
            raise ConfigError(
                f"sampling_rate_hz: got {self.sampling_rate_hz:g}; {least:g} or more is needed for {needs}: use such a "
                f"rate, or set {' and '.join(wrong)} in a file for --config"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the network's outputs."""
        return self.class_names if self.task == "class" else ("P", "S", "noise")

    @property
    def augments(self) -> bool:
        """Whether augmented windows are altered beyond their shift."""
        shares = (self.mix_share, self.overlay_share, self.flip_share, self.drop_share, self.gap_share)
        return any(shares) or self.gain_db > 0

    @property
    def window_samples(self) -> int:
        """Length of a window in samples."""
        return round(self.window_s * self.sampling_rate_hz)

    @property
    def frame_samples(self) -> int:
        """Length of a spectrogram frame in samples."""
        return round(self.frame_s * self.sampling_rate_hz)

    @property
    def hop_samples(self) -> int:
        """Step between spectrogram frames, and between the windows of a scan, in samples."""
        return round(self.hop_s * self.sampling_rate_hz)


@dataclass(frozen=True)
class ExportConfig:
    """What is written of recordings that become a data set.

    Attributes
    ----------
    sampling_rate_hz : float
        Every trace is brought to this rate.
    before_s, after_s : float
        What is kept before the first pick of an event, and after the last.
    """

    sampling_rate_hz: float = 100.0
    before_s: float = 30.0
    after_s: float = 60.0

    def __post_init__(self) -> None:
        settle(self)
        between("sampling_rate_hz", self.sampling_rate_hz, 1.0, 10_000.0)
        each_between(self, 0.5, 3600.0, "before_s", "after_s")
