"""What every script of the lecture is told: the folder for its figures."""

import argparse
from pathlib import Path


def figure_folder(doc: str) -> Path:
    """Read the folder from the command line, and make it; `--help` says what `doc` says."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default="lecture", help="for the figures; lecture by default")
    folder: Path = parser.parse_args().folder
    if folder.exists() and not folder.is_dir():
        parser.error(f"{folder} is a file; a folder is needed")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
