"""``seisnet models``: the models that are shipped, their cards, and export to ONNX."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console


@click.group()
def models() -> None:
    """Shipped models: what they are and how good; export of any model to ONNX.

    \b
    Example:
      seisnet models list
      seisnet models show rockfall
      seisnet models export rockfall -o rockfall.onnx
    """


@models.command("list")
def list_command() -> None:
    """List the models that are installed with seisnet.

    Example: seisnet models list
    """
    from seisnet.model_cards import summarise_shipped

    rows = [("name", "classes", "size", "what"), *summarise_shipped()]
    if len(rows) == 1:
        console.say("no models are installed with seisnet; train one with seisnet train")
        return
    console.table(rows)


@models.command("show", short_help="Show the card of a shipped model or of a file.")
@click.argument("name", type=console.NAME)
def show_command(name: str) -> None:
    """Show the card of model NAME, a shipped one or a file, then its thresholds, stages, provenance and metrics.

    Example: seisnet models show rockfall
    """
    from seisnet.model import load_model
    from seisnet.model_cards import describe_model

    for line in describe_model(load_model(name)):
        click.echo(line)


@models.command("export", short_help="Write the window network of a model as ONNX.")
@click.argument("name", type=console.NAME, metavar="MODEL")
@console.output_file
@console.overwrite
@console.quiet
def export_command(name: str, output: Path, overwrite: bool, tell: console.Teller) -> None:
    """Write the window network of MODEL, a shipped one or a file, as ONNX; needs the extra [onnx].

    The graph reads features (N, D), as preprocess makes them, and gives probabilities (N, K).

    Example: seisnet models export rockfall -o rockfall.onnx
    """
    from seisnet.model import load_model
    from seisnet.onnx_export import export_onnx
    from seisnet.store.files import check_not_read

    check_not_read(output, [Path(name)])
    model = load_model(name)
    left_out = export_onnx(model, output, overwrite=overwrite)
    tell(
        f"{output}: features (N, {len(model.stored.mean)}) to probabilities (N, {len(model.classes)}) of "
        f"{', '.join(model.classes)}; members averaged: {len(model.networks)}"
    )
    for reads in left_out:
        tell.detail(f"not exported: the stage that reads {reads}; the probabilities are those of the first stage")
