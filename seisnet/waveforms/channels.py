"""Parts of a channel code."""

from __future__ import annotations

import re

WORDS = {"UD": "Z", "NS": "N", "EW": "E", "VERT": "Z", "NORTH": "N", "EAST": "E"}
"""Component names of Japanese networks, and those that SAC files may have."""

IS_WORD = re.compile(rf"({'|'.join(WORDS)})(\d?)")

NUMBERING = {"ALSEP_WTH", "KINEMETRICS_EVT", "REFTEK130", "RG16"}
"""Formats, as ObsPy calls them, in whose codes a digit is the number of a channel. In WIN, all four digits are."""

LONGEST = 3
"""Length of a code in SEED."""


def split_channel(code: str) -> tuple[str, str]:
    """Split a channel code into band + instrument and component letter.

    Lower case, blanks inside the code (``S Z``), and any band and instrument (``?HZ``, ``SBZ``) are tolerated; ``UD``,
    ``NS`` and ``EW``, and ``VERT``, ``NORTH`` and ``EAST``, are read as Z, N and E.

    Examples
    --------
    >>> split_channel("HHZ"), split_channel("S Z"), split_channel("ew1")
    (('HH', 'Z'), ('S', 'Z'), ('1', 'E'))
    """
    code = "".join(code.upper().split())
    if word := IS_WORD.fullmatch(code):
        return word[2], WORDS[word[1]]
    return code[:-1], code[-1:]


def names_component(code: str, file_format: str = "") -> bool:
    """Whether the end of a channel code may name a component, as in SEED; it does not if it is a channel's number.

    Recorders and readers number channels in codes such as ``002``, ``a102``, ``AUX2`` or ``BHZ_02``, in any order: 2
    need not be east. Nor is every word a component that ends in R or T.

    Examples
    --------
    >>> [names_component(code) for code in ("HH2", "SBHZ", "002", "BHZ_02", "TRANSVERT")]
    [True, True, False, False, False]
    """
    code = "".join(code.split())
    letter = split_channel(code)[1]
    if letter in WORDS.values():
        return file_format != "WIN" or len(code) != 4
    return len(code) <= LONGEST and not code.isdigit() and not (letter.isdigit() and file_format in NUMBERING)


def split_seed_id(seed_id: str) -> tuple[str, str]:
    """Split ``NET.STA.LOC.CHA`` into the trace id of the instrument and the component letter; ``--`` is no location.

    Examples
    --------
    >>> split_seed_id("GE.APE.--.HHZ")
    ('GE.APE..HH', 'Z')
    """
    *site, channel = seed_id.split(".")
    instrument, component = split_channel(channel)
    return ".".join([*("" if code.strip() == "--" else code.strip() for code in site), instrument]), component
