"""Parts of a channel code."""

from __future__ import annotations

import re

WORDS = {"UD": "Z", "NS": "N", "EW": "E"}
"""Component names of Japanese networks."""


def split_channel(code: str) -> tuple[str, str]:
    """Split a channel code into band + instrument and component letter.

    Lower case, blanks inside the code (``S Z``), and any band and instrument (``?HZ``, ``SBZ``) are tolerated; ``UD``,
    ``NS`` and ``EW`` are read as Z, N and E.

    Examples
    --------
    >>> split_channel("HHZ"), split_channel("S Z"), split_channel("ew1")
    (('HH', 'Z'), ('S', 'Z'), ('1', 'E'))
    """
    code = "".join(code.upper().split())
    if word := re.fullmatch(r"(UD|NS|EW)(\d?)", code):
        return word[2], WORDS[word[1]]
    return code[:-1], code[-1:]


def split_seed_id(seed_id: str) -> tuple[str, str]:
    """Split ``NET.STA.LOC.CHA`` into the trace id of the instrument and the component letter.

    Examples
    --------
    >>> split_seed_id("GE.APE..HHZ")
    ('GE.APE..HH', 'Z')
    """
    *site, channel = seed_id.split(".")
    instrument, component = split_channel(channel)
    return ".".join([*map(str.strip, site), instrument]), component
