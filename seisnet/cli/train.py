"""``seisnet train``: a windows file to a model file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from seisnet.cli import console


@click.command()
@click.argument("windows", type=click.Path(path_type=Path))
@console.output_file
@console.config_file
@click.option("--hidden", callback=console.listed(int), metavar="N,N", help="Units of the hidden layers.")
@click.option("--activation", metavar="NAME", help="relu, leaky_relu, gelu, tanh, sigmoid, identity.")
@click.option("--optimizer", metavar="NAME", help="sgd, nesterov, adagrad, rmsprop, adam, adamw.")
@click.option("--schedule", metavar="NAME", help="constant, step, cosine, warmup, one_cycle, plateau.")
@click.option("--learning-rate", type=float)
@click.option("--momentum", type=float)
@click.option("--batch-size", type=int)
@click.option("--epochs", type=int)
@click.option("--patience", type=int, help="Stop after so many epochs without a better dev score; 0: never.")
@click.option("--dropout", type=float)
@click.option("--weight-decay", type=float)
@click.option("--members", type=int, help="Networks of different seeds whose probabilities are averaged.")
@click.option("--class-weight", type=click.Choice(["balanced", "none"]))
@click.option("--seed", type=int)
@console.overwrite
@console.quiet
def train(
    windows: Path, output: Path, config_path: Path | None, overwrite: bool, quiet: bool, **options: Any
) -> None:
    """Train a network on a WINDOWS file.

    \b
    Example:
      seisnet train windows.h5 -o model.h5 --hidden 256,128 --epochs 40
    """
    from seisnet.config import TrainConfig, load_toml
    from seisnet.store.hdf5 import check_output
    from seisnet.training import fit

    config = load_toml(config_path, "train", TrainConfig) if config_path else TrainConfig()
    config = dataclasses.replace(config, **console.given(options))
    check_output(output, overwrite=overwrite)
    with console.progress_line("train", quiet=quiet) as show:
        model, history = fit(
            windows,
            config,
            name=output.stem,
            progress=lambda row: show(
                f"epoch {row['epoch']:.0f}/{config.epochs}, loss {row['train_loss']:.4f}"
                + (f", dev macro-F1 {row['dev_macro_f1']:.4f}" if "dev_macro_f1" in row else "")
            ),
        )
    model.save(output, overwrite=overwrite)
    best = max(history["dev_macro_f1"], default=None) if "dev_macro_f1" in history else None
    console.say(
        f"{output}: {len(history['epoch'])} epochs"
        + (f", best dev macro-F1 {best:.4f}" if best is not None else ", no dev split"),
        quiet=quiet,
    )
