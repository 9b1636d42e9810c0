"""The whole job on data that need no download: train on synthetic earthquakes, pick real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seisnet.classification.job import classify
from seisnet.classification.one_source import Classification
from seisnet.config import PickConfig, PreprocessConfig, TrainConfig
from seisnet.picks import iso_time
from seisnet.preprocessing.job import preprocess_to_file
from seisnet.report.classification import Origin, write_classification
from seisnet.report.document import Section, picture
from seisnet.report.evaluation import CAPTIONS, evaluation_figures, evaluation_section
from seisnet.scoring.evaluation import evaluate
from seisnet.store.files import FOLDER, check_output
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.store.windows_file import read_counts
from seisnet.store.windows_in_memory import read_windows
from seisnet.synthetic import GeneratorConfig, SyntheticRecord, generate_records
from seisnet.training.fitting import fit
from seisnet.waveforms.examples import example_files, write_example_event
from seisnet.waveforms.records import NS_PER_S, letters_of
from seisnet.wording import Say, epoch

N_EVENTS = 400
GENERATOR = GeneratorConfig(snr_db=(-3.0, 45.0))
PREPROCESS = PreprocessConfig(frame_s=0.4, freqmax_hz=40.0, shifts=2, noise_windows=8)
"""Short frames and weak events: the second micro-earthquake at Unterhaching lasts a second, hardly above the noise."""

TRAIN = TrainConfig(epochs=20, dropout=0.3, input_noise=0.0, class_weight="none", context=False, onset_epochs=10)
"""No context stage: it would take as long as all the rest."""

PICK = PickConfig(thresholds={"P": 0.4, "S": 0.15})

VIEWS = 40


def run_demo(folder: Path, *, overwrite: bool = False, say: Say = print) -> Classification:
    """Generate, preprocess, train, evaluate, classify and report, all into one folder.

    Parameters
    ----------
    folder : Path
        Holds the report, the picks, the model, the windows and the synthetic data set afterwards.
    say : callable
        Called with a line a step.

    Returns
    -------
    Classification
        What was found in the real recordings.
    """
    check_output(folder, FOLDER, overwrite=overwrite)
    folder.mkdir(exist_ok=True)
    say(f"1/5 generating {N_EVENTS} synthetic earthquakes")
    dataset = folder / "synthetic"
    n_records = write_synthetic_dataset(
        dataset, N_EVENTS, np.random.default_rng(0), config=GENERATOR, overwrite=overwrite
    )
    say(f"2/5 preprocessing {n_records} records")
    windows_path = folder / "windows.h5"
    preprocess_to_file([str(dataset)], config=PREPROCESS, output=windows_path, overwrite=overwrite)
    say(f"3/5 training on {read_counts(windows_path)[0].sum()} windows, {TRAIN.epochs} epochs")
    windows = read_windows(windows_path)
    model, _ = fit(windows, TRAIN, name="demo", progress=lambda stage, row: say(f"    {epoch(stage, row)}"))
    model.save(folder / "model.h5", overwrite=overwrite)
    found = evaluate(model, windows)
    say(f"4/5 evaluated on synthetic events that it never saw: macro-F1 {found.scores.macro_f1:.3f}")
    write_example_event(folder / "rjob.mseed")
    sources = [str(folder / "rjob.mseed"), *map(str, example_files())]
    picks = classify(sources, model, PICK, most_views=VIEWS)
    say(f"5/5 classified {len(picks.files)} real recordings with this model: {len(picks.picks)} picks")
    figures = evaluation_figures(found, model, windows.info)
    learned = (
        Section(
            "How the network was trained",
            f"{TRAIN.epochs} epochs of mini-batch SGD with momentum on {n_records} synthetic records, "
            "just made by the physics-based generator: no download, no real seismogram.",
        ),
        evaluation_section(found, model, [picture(figure, CAPTIONS[name]) for name, figure in figures.items()]),
    )
    write_classification(
        picks,
        model,
        folder,
        origin=Origin(sources, str(folder / "model.h5")),
        after=learned,
        title="Picks on real recordings",
    )
    return picks


def write_synthetic_dataset(
    folder: Path,
    n_events: int,
    rng: np.random.Generator,
    *,
    config: GeneratorConfig | None = None,
    overwrite: bool = False,
) -> int:
    """Write synthetic records as a data set in the SeisBench layout; the number of records is returned."""
    columns = (
        "trace_start_time", "trace_sampling_rate_hz", "trace_component_order", "trace_channel", "trace_category",
        "trace_p_arrival_sample", "trace_s_arrival_sample", "trace_snr_db", "station_network_code", "station_code",
        "station_location_code", "source_id", "source_magnitude", "path_distance_km",
    )  # fmt: skip
    n_records = 0
    with new_seisbench(folder, columns, data_format={}, overwrite=overwrite) as writer:
        for record in generate_records(n_events, rng, config=config):
            writer.add(_metadata(record), record.data[record.present])
            n_records += 1
    return n_records


def _metadata(record: SyntheticRecord) -> dict[str, object]:
    onsets = {
        f"trace_{pick.phase[0].lower()}_arrival_sample": (pick.time_ns - record.start_ns)
        * record.sampling_rate_hz
        / NS_PER_S
        for pick in record.picks
    }
    return {
        "trace_start_time": iso_time(record.start_ns),
        "trace_sampling_rate_hz": record.sampling_rate_hz,
        "trace_component_order": letters_of(record.present),
        "trace_channel": record.channel,
        "trace_category": "earthquake_local" if record.event_id else "noise",
        "trace_snr_db": record.snr_db,
        "station_network_code": record.network,
        "station_code": record.station,
        "station_location_code": record.location,
        "source_id": record.event_id,
        "source_magnitude": record.magnitude,
        "path_distance_km": record.distance_km,
        **onsets,
    }
