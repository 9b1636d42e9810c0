"""The tables of data sets: CSV with a header, read a row at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from seisnet.errors import DataError


def read_table(path: Path, column: str) -> Iterator[dict[str, str]]:
    """Stream the rows of a CSV file as they stand; an empty field is an empty string.

    Raises
    ------
    DataError
        The file is missing, is not text, has no such `column`, or a row has too many or too few fields.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            if column not in header:
                raise DataError(f"{path}: has no column {column!r}; its columns are {', '.join(header) or 'none'}")
            # Of columns of one name the first holds, as in SeisBench.
            header = [name if header.index(name) == i else f"{name}.{i}" for i, name in enumerate(header)]
            for fields in filter(None, lines):
                if len(fields) != len(header):
                    raise DataError(
                        f"{path}: line {lines.line_num} has {len(fields)} fields, the header {len(header)}; "
                        "the file is cut short or broken"
                    )
                yield dict(zip(header, fields, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: can't be read: {error}") from None
