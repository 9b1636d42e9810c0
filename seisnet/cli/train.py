"""``seisnet train``: a windows file to a model file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seisnet.cli import console
from seisnet.cli.progress import progress_line
from seisnet.wording import epoch, epochs

if TYPE_CHECKING:
    from seisnet.config import TrainConfig
    from seisnet.model import Model


@click.command()
@click.argument("windows", type=console.PATH)
@console.output_file
@console.config_file
@click.option(
    "--hidden", callback=console.listed(int, "256,128"), metavar="N,N", help="Units of the hidden layers. [256,128]"
)
@click.option("--activation", metavar="NAME", help="relu, leaky_relu, gelu, tanh, sigmoid, identity. [relu]")
@click.option("--optimizer", metavar="NAME", help="sgd, nesterov, adagrad, rmsprop, adam, adamw. [sgd]")
@click.option("--schedule", metavar="NAME", help="constant, step, cosine, warmup, one_cycle, plateau. [cosine]")
@click.option(
    "--learning-rate",
    type=float,
    help="0.02 by default, 0.002 with --init phase; rmsprop, adam and adamw need about 0.001.",
)
@click.option("--momentum", type=float, help="Of sgd and nesterov; the others have none to set. [0.9]")
@click.option("--batch-size", type=int, help="Windows per step. [64]")
@click.option("--epochs", type=int, help="Passes over the training split. [30]")
@click.option("--patience", type=int, help="Stop after this many epochs without a better dev score; 0: never. [0]")
@click.option("--dropout", type=float, help="Share of hidden units left out in training. [0.5]")
@click.option("--weight-decay", type=float, help="Strength of the penalty on large weights. [0.0001]")
@click.option("--members", type=int, help="Number of networks (different seeds) whose probabilities are averaged. [1]")
@click.option(
    "--distil/--no-distil",
    default=None,
    help="Let the members teach one network and keep only that; needs excerpts.",
)
@click.option(
    "--class-weight",
    type=click.Choice(["balanced", "none"]),
    help="balanced: rare classes count as much as common ones. [balanced]",
)
@click.option("--false-alarms-per-hour", type=float, help="Budget that thresholds must meet; 0: none. [0]")
@click.option("--seed", type=int, help="Seed of every random choice. [0]")
@click.option(
    "--init",
    "init_name",
    type=console.NAME,
    metavar="FILE|NAME",
    help="Start from the weights of this model, with its layers and members.",
)
@click.option("--keep", type=float, help="With --init: how much of its weights remains; 0.5 of phase by default.")
@click.option(
    "--card",
    "card_path",
    type=console.PATH,
    metavar="FILE",
    help="Markdown for the beginning of the model's card: source, licence, citation.",
)
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="cuda needs CuPy and a GPU."
)
@click.option("--threads", type=click.IntRange(0), default=0, help="Maximum number of threads; 0: all cores. [0]")
@click.option("--resume", is_flag=True, help="Continue an interrupted training with this output.")
@console.overwrite
@console.quiet
@click.option("-v", "--verbose", is_flag=True, help="One line per epoch.")
def train(
    windows: Path,
    output: Path,
    config_path: Path | None,
    init_name: str | None,
    card_path: Path | None,
    device: str,
    threads: int,
    resume: bool,
    overwrite: bool,
    tell: console.Teller,
    **options: Any,
) -> None:
    """Train a network on a WINDOWS file.

    A checkpoint is written after every epoch into a hidden folder beside the output; --resume continues from it and
    ends with the same bytes as a training that was never interrupted.

    Defaults are in brackets; with --init they are the settings that suit that model.

    \b
    Example:
      seisnet train windows.h5 -o model.h5 --hidden 256,128 --epochs 40
    """
    from seisnet.errors import ConfigError
    from seisnet.kernels import choose_kernels

    init, config = _settings(init_name, config_path, options, tell)
    choose_kernels(config.hidden)
    # These load NumPy, which comes after the choice (and before it with --init: nothing is chosen then).
    import numpy as np

    from seisnet.store.files import HDF5, check_not_read, read_text, sweep
    from seisnet.store.model_file import read_model
    from seisnet.store.work_folder import State, check_place, claim, clear, remove, work_folder
    from seisnet.training.fitting import fit, is_fitted

    console.not_both(resume=resume, overwrite=overwrite)
    check_not_read(output, [windows, *console.read_beside(config_path, init_name, card_path)])
    card = read_text(card_path).strip() if card_path else ""
    folder = output.with_name(f".{output.name}.training")
    checkpoint = folder / "checkpoint"
    if check_place(output, folder, HDF5, resume=resume, overwrite=overwrite) is State.THERE and resume:
        finished = read_model(output)
        if not (is_fitted(finished, windows, config, init) and finished.card.startswith(card)):
            raise ConfigError(
                f"{output} was made with other settings, windows, initial weights or card, or by another version of "
                "seisnet; choose another name, or use overwrite=True"
            )
        clear(folder)
        tell(f"{output} is finished; nothing to resume")
        return
    with (
        work_folder(folder, [output], resume=resume, overwrite=overwrite),
        progress_line("train", quiet=tell.quiet) as show,
        np.errstate(over="ignore", invalid="ignore"),  # a loss that is not finite is told in one line
    ):

        def told(stage: str, row: Mapping[str, float]) -> None:
            state = epoch(stage, row)
            show(state, row["epoch"], row["epochs"])
            if tell.verbose:
                tell.detail(state)

        sweep(checkpoint)
        model, history = fit(
            windows,
            config,
            name=output.stem,
            card=card,
            init=init,
            device=device,
            threads=threads,
            checkpoint=checkpoint,
            progress=told,
            say=tell.detail,
        )
        claim(folder, [output])
        model.save(output, overwrite=True)
        remove(folder, output)
    scores = model.stored.metrics.get("dev_windows")  # of what is kept, not of the best epoch
    score = f"dev macro-F1 {scores['macro_f1']:.4f}" if scores else "no dev split"
    tell(f"{output}: {epochs(len(history['epoch']), vars(config))}, {score}")
    stages = ", ".join(stage.reads for stage in model.stored.stages)
    thresholds = ", ".join(f"{c} {t:g}" for c, t in sorted(model.thresholds().items()))
    tell.detail(f"stages: {stages}; thresholds {thresholds}")


def _settings(
    init_name: str | None, path: Path | None, options: dict[str, Any], tell: console.Teller
) -> tuple[Model | None, TrainConfig]:
    """The model to start from, and the config: options override the file, which overrides what suits that model."""
    from seisnet.config import TrainConfig

    init, config = None, TrainConfig()
    if init_name:
        from seisnet.model import load_model  # which loads NumPy, see `seisnet.kernels`
        from seisnet.training.parents import settings_for

        init = load_model(init_name)
        config = settings_for(init)
    return init, console.settings(path, config, options, tell)
