"""A trained model: its recipe and networks, and what they say of waveforms."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import obspy
from numpy.typing import NDArray

from seisnet.config import PickConfig, PreprocessConfig, from_dict, nearest
from seisnet.errors import ConfigError, DataError, FormatError
from seisnet.features import Feature, make_feature
from seisnet.formats.probabilities import probability_stream
from seisnet.nn import Network
from seisnet.pick_lists import DetectionList, PickList
from seisnet.picking.coincidence import accepted
from seisnet.picking.detector import joined_detections, reaching
from seisnet.picking.follower import Follower
from seisnet.picking.picker import margin_s
from seisnet.scan.context_network import ContextNetwork
from seisnet.scan.onset_network import OnsetNetwork
from seisnet.scan.scanner import Chain, Probabilities, scan
from seisnet.scan.sliding_network import SlidingNetwork, mean_output
from seisnet.scan.stages import context_network, later_stages, networks_of, onset_network
from seisnet.seisbench_arguments import read_arguments
from seisnet.store.files import HDF5, check_output, path_of
from seisnet.store.model_file import StoredModel, StoredStage, read_model, write_model
from seisnet.streaming import Streaming
from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.inventory import Metadata, response_of, stations_of
from seisnet.waveforms.records import NS_PER_S, Record, Rejection, reasons

SHIPPED = Path(__file__).parent / "models"


@dataclass(frozen=True, eq=False)
class Model:
    """Everything needed to turn waveforms into picks; equal to itself alone.

    Attributes
    ----------
    name : str
        Written into every pick.
    stored : StoredModel
        Weights, recipe and provenance, as in the model file.
    """

    name: str
    stored: StoredModel = field(repr=False)

    def __repr__(self) -> str:
        """Say what it tells apart and when it picks; the card, `stored.card`, says all."""
        recipe = self.preprocess
        windows = f"windows of {recipe.window_s:g} s at {recipe.sampling_rate_hz:g} Hz"
        thresholds = ", ".join(f"{name} {value:g}" for name, value in sorted(self.stored.thresholds.items()))
        return f"Model({self.name}: {', '.join(self.classes)}; {windows}; thresholds {thresholds})"

    @cached_property
    def preprocess(self) -> PreprocessConfig:
        """How waveforms are windowed: the config that the training windows were made with."""
        return from_dict(PreprocessConfig, dict(self.stored.preprocess), where=f"model {self.name}")

    @cached_property
    def feature(self) -> Feature:
        """The feature that the network reads."""
        return make_feature(self.preprocess)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return self.stored.classes

    @property
    def layers(self) -> dict[str, Any]:
        """Settings of a `TrainConfig` that ask for the same layers, and as many members."""
        first = self.stored.stages[0]
        later = {f"{reads}_hidden": stage.sizes[1:-1] for reads, stage in self._later.items()}
        members = len(np.atleast_2d(first.theta))
        return {"hidden": first.sizes[1:-1], "activation": first.activation, "members": members, **later}

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """The members of the ensemble; one unless it was trained with more."""
        return networks_of(self.stored.stages[0])

    def predict_proba(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (N, K) of windows whose features are (N, D); averaged over the members.

        Any number of threads may ask at once.
        """
        if np.shape(x)[1:] != self.stored.mean.shape:  # another one might broadcast
            raise DataError(f"x: got the shape {np.shape(x)}; {self.name} reads features (N, {self.stored.mean.size})")
        return mean_output(self.networks, (x - self.stored.mean) / self.stored.scale, self.windows.temperature)

    @cached_property
    def _later(self) -> dict[str, StoredStage]:
        return later_stages(self.stored, self.name)

    @cached_property
    def context(self) -> ContextNetwork | None:
        """The second stage, where the model has one."""
        stage = self._later.get("context")
        return context_network(stage, self.stored, self.preprocess.hop_s) if stage else None

    @cached_property
    def onsets(self) -> OnsetNetwork | None:
        """The third stage, where the model has one."""
        stage = self._later.get("onset")
        return onset_network(stage, self.stored, self.preprocess.sampling_rate_hz) if stage else None

    @cached_property
    def windows(self) -> SlidingNetwork:
        """The first stage, slid over frames."""
        # A temperature calibrates what comes out last.
        temperature = 1.0 if self.context else self.stored.temperature
        return SlidingNetwork(self.feature, self.networks, self.stored.mean, self.stored.scale, temperature)

    def chain(self, config: PickConfig | None = None) -> Chain:
        """The stages of a scan.

        Raises
        ------
        ConfigError
            If the config asks for a step that is no multiple of the model's, or not the one its second stage knows.
        """
        hop_s, own_s = PickConfig.of(config).hop_s or self.preprocess.hop_s, self.preprocess.hop_s
        every, got = max(1, round(hop_s / own_s)), f"hop_s (--hop): got {hop_s:g}"
        if abs(every * own_s - hop_s) > 1e-6:
            raise ConfigError(f"{got}; it must be a multiple of the model's own step, {own_s:g} s")
        if self.context and every > 1:
            raise ConfigError(f"{got}; the context stage of {self.name} was trained with {own_s:g} s: leave hop_s out")
        # What a network has prepared for scans serves all records, so only another step needs a network of its own.
        windows = self.windows if every == 1 else replace(self.windows, every=every)
        return Chain(windows, self.context, self.preprocess, self.classes)

    def scan(self, record: Record, config: PickConfig | None = None, *, threads: int = 1) -> Probabilities:
        """Probability traces of a record at the model's sampling rate."""
        return scan(record, self.chain(config), threads=threads)

    def records(self, stream: obspy.Stream, inventory: Metadata = None) -> tuple[list[Record], list[Rejection]]:
        """Records of a stream, conditioned as the training data were, and what can't be used of it, with reasons.

        Raises
        ------
        ConfigError, DataError
            If it is no stream; if the inventory can't be read, or is missing although the model was trained on data
            without instrument response.
        """
        config, stations = self.preprocess, stations_of(inventory)
        rate_hz, least_s, response = config.sampling_rate_hz, config.window_s, response_of(config)
        return condition(stream, sampling_rate_hz=rate_hz, shortest_s=least_s, stations=stations, response=response)

    def thresholds(self, config: PickConfig | None = None) -> dict[str, float]:
        """Threshold of every class that gives picks: the config's where it names one, else the model's.

        Raises
        ------
        ConfigError
            If the config names a class that gives none, or asks for company of a model that gives no picks.
        """
        config = PickConfig.of(config)
        given, alone = config.thresholds, config.coincidence == 1 and config.p_before_s == 0
        if self.preprocess.task == "class" and not alone:
            raise ConfigError(f"coincidence and p_before_s are for picks; {self.name} gives detections: leave them out")
        for name in given:
            if name not in self.stored.thresholds:
                raise ConfigError(f"unknown threshold '{name}'{nearest(name, self.stored.thresholds)}")
        return {**self.stored.thresholds, **given}

    def follow(self, record: Record, config: PickConfig | None = None, *, threads: int = 1) -> Follower:
        """Begin to scan and pick a record; its samples are not read, but added to the follower that is returned."""
        config, thresholds = PickConfig.of(config), self.thresholds(config)
        return Follower(
            self.chain(config), record, thresholds, config=config, model=self.name, onsets=self.onsets, threads=threads
        )

    def margin_s(self, config: PickConfig) -> float:
        """Length of record on either side of a time on which its picks depend."""
        chain = self.chain(config)
        context = max(chain.context.before, chain.context.after) * chain.hop_ns / NS_PER_S if chain.context else 0.0
        return self.preprocess.window_s + context + margin_s(config, self.onsets)

    def annotate(
        self, stream: obspy.Stream, config: PickConfig | None = None, *, inventory: Metadata = None, **options: float
    ) -> obspy.Stream:
        """Probability traces of a stream: one trace a class and gap-free stretch, channel ``<model>_<class>``.

        Arguments and the warning are those of `classify`.
        """
        config, wanted = self._asked(stream, config, inventory, options)
        return probability_stream([self.scan(record, config) for record in wanted], self.name)

    def classify(
        self, stream: obspy.Stream, config: PickConfig | None = None, *, inventory: Metadata = None, **options: float
    ) -> PickList | DetectionList:
        """Picks of a stream; of a model of task ``class``, detections. They are sorted by time.

        Where nothing of the stream can be used, a warning says why; `records` tells all that is left out of one.

        Parameters
        ----------
        stream : obspy.Stream
            It is not changed.
        config : PickConfig, optional
        inventory : obspy.Inventory or one or several files, optional
            Station metadata: components go where their azimuth and dip say. A model that was trained on data without
            instrument response needs it.
        **options : float
            As in SeisBench: ``P_threshold``, ``S_threshold``; ``stride``, the step in samples at the model's rate;
            ``strict``, whether all three components are needed; ``batch_size``, ``copy`` and ``parallelism`` change
            nothing. Any other is an error that says why (`seisnet.seisbench_arguments`).

        Returns
        -------
        list of Pick or list of Detection
            Detections where the model's task is ``class`` (`Model.preprocess`). As in SeisBench, the list is also its
            own attribute ``.picks`` or ``.detections``.

        Raises
        ------
        ConfigError
            For an unknown option or class, or an argument of another kind.
        DataError
            If the inventory can't be read, or is needed and missing.
        """
        config, wanted = self._asked(stream, config, inventory, options)
        found = [self.follow(record, config).add(record.data, last=True) for record in wanted]
        if self.preprocess.task == "class":
            detections = reaching(detection for part in found for detection in part.detections)
            return DetectionList(joined_detections(detections, config, self.chain(config).hop_ns))
        return PickList(accepted([pick for part in found for pick in part.picks], config))

    def _asked(
        self, stream: obspy.Stream, config: PickConfig | None, inventory: Metadata, options: dict[str, float]
    ) -> tuple[PickConfig, list[Record]]:
        """What is asked of `annotate` or `classify`: the config that the options complete, and the records."""
        config, strict = read_arguments(options, config, phases=self.stored.thresholds, recipe=self.preprocess)
        self.thresholds(config)
        records, rejections = self.records(stream, inventory)
        wanted = [record for record in records if record.present.all() or not strict]
        if not wanted:
            rejections += [Rejection(r.trace_id, r.start_ns, r.end_ns, "strict: components missing") for r in records]
            why = reasons(rejections) or "the stream holds no waveforms"
            warnings.warn(f"nothing could be scanned: {why}", stacklevel=3)
        return config, wanted

    def stream(
        self,
        config: PickConfig | None = None,
        *,
        patience_s: float = 30.0,
        step_s: float = 1.0,
        inventory: Metadata = None,
    ) -> Streaming:
        """Begin to pick data that arrive packet by packet, see `seisnet.streaming.Streaming`."""
        self.chain(config)
        self.thresholds(config)
        return Streaming(self, config, patience_s=patience_s, step_s=step_s, inventory=inventory)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model file."""
        check_output(Path(path), HDF5, overwrite=overwrite)
        write_model(Path(path), self.stored)


def load_model(name: str | Path) -> Model:
    """Load a shipped model by name, or a model file by path.

    Raises
    ------
    ConfigError
        If there is neither.
    FormatError
        If the file is not a model file, is damaged, or was made by a version whose onset stage reads other windows.
    """
    path = path_of("name", name)
    shipped = shipped_models()
    if str(name) in shipped:
        path = SHIPPED / f"{name}.h5"
    elif not path.exists():
        known = f"shipped models are {', '.join(shipped)}" if shipped else "no models are shipped yet: train one first"
        raise ConfigError(f"model '{name}': no such file; {known}")
    model = Model(path.stem, read_model(path))
    if model.onsets is not None and not model.onsets.fits:
        raise FormatError(
            f"{path.name}: made by an older seisnet, whose onset stage this version can't use; train it again, "
            "or use the shipped model phase"
        )
    return model


def shipped_models() -> list[str]:
    """Names of the models in this installation."""
    return sorted(path.stem for path in SHIPPED.glob("*.h5"))
