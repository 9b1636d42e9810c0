"""What the scripts of the lecture share: the folder for their figures, and how these are written."""

import argparse
from pathlib import Path

from matplotlib.figure import Figure

from seisnet.plots.style import png

WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
"""Behind text on lines."""


def figure_folder(doc: str) -> Path:
    """Read the folder from the command line, and make it; `--help` says what `doc` says."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default="lecture", help="for the figures; lecture by default")
    folder: Path = parser.parse_args().folder
    if folder.exists() and not folder.is_dir():
        parser.error(f"{folder} is a file; a folder is needed")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save(figure: Figure, path: Path) -> None:
    path.write_bytes(png(figure, dpi=150))


def minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
