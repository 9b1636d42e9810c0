"""``seisnet evaluate``: a model on a windows file."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console
from seisnet.cli.progress import progress_line


@click.command()
@click.argument("model", type=console.NAME, metavar="MODEL")
@click.argument("windows", type=console.PATH)
@click.option("-o", "--output", type=console.PATH, required=True, help="Folder for report and figures.")
@click.option(
    "--split",
    type=click.Choice(["train", "dev", "test", "all"]),
    default="test",
    show_default=True,
    help="Windows to evaluate on.",
)
@console.overwrite
@console.quiet
def evaluate(model: str, windows: Path, output: Path, split: str, overwrite: bool, tell: console.Teller) -> None:
    """Evaluate MODEL on a split of WINDOWS that it was not trained on.

    Writes report.html, metrics.json and the figures as SVG and PNG into a folder.

    \b
    Example:
      seisnet evaluate model.h5 windows.h5 -o evaluation
    """
    from seisnet.formats.own_csv import csv_text, number
    from seisnet.model import load_model
    from seisnet.report.evaluation import write_evaluation
    from seisnet.scoring.evaluation import evaluate as evaluate_windows
    from seisnet.store.files import new_folder
    from seisnet.store.windows_file import read_info
    from seisnet.wording import counted

    with new_folder(output, overwrite=overwrite), progress_line("evaluate", quiet=tell.quiet) as show:
        loaded = load_model(model)
        show("predicting")
        found = evaluate_windows(loaded, windows, split=split)
        show("drawing the report")
        write_evaluation(found, loaded, read_info(windows, rejected=False), output)
    scores = found.scores
    tell(
        f"{loaded.name}: {counted(len(found.rows), 'window')} of the {split} split, accuracy {scores.accuracy:.4f}, "
        f"macro-F1 {scores.macro_f1:.4f}"
    )
    if found.caveat:
        console.say(f"note: {found.caveat}")
    tell.outputs(output / "report.html", output / "metrics.json", output / "figures")
    rows: list[tuple[object, ...]] = [("class", "precision", "recall", "f1", "windows")]
    for name, *figures, support in zip(
        found.classes, scores.precision, scores.recall, scores.f1, scores.support, strict=True
    ):
        rows.append((name, *(number(v, 4) for v in figures), support))
    rows.append(("macro", "", "", f"{scores.macro_f1:.4f}", len(found.rows)))
    click.echo(csv_text(rows), nl=False)
