"""Phases by the hints of analysts."""

from __future__ import annotations

import functools
import re

HINT = re.compile(
    r"[EIQ]?"  # quality of the onset: emergent, impulsive, questionable
    r"(?P<legs>[PS][GNB]?(?:[KIJMCW]*[PS][GNB]?)*)"
    r"(?P<branch>DIFF?|DF|[AB]C|AB)?\*?\d?"
    r"[-+.?UDCN]?[0-4]?"  # polarity and weight, as in HYPO71's IPU0
)

DIRECT = re.compile(r"([PS])([GNB]|M\1)?")
"""Legs of what leaves the source as it arrives and turns in mantle or crust, or is reflected once at the Moho."""


def phase_class(hint: str) -> str:
    """Map a phase hint to ``P``, ``S``, or an empty string for what is neither.

    P, p, Pg, Pn, Pb, P*, P1 and PmP are P; S, s, Sg, Sn, Sb, S*, S1 and SmS are S. Qualities before (``iP``, ``ES``),
    polarities and weights after (``IPU0``) are dropped. Neither are depth phases (pP, sP), multiples (PP, SnSn),
    conversions (SP), what went to the core (PcP, PKP, SKS, Pdiff), Lg, amplitudes (AML) and whatever else there is:
    most catalogues leave such onsets unpicked, so that a network would learn from one that they are onsets, and from
    the next that they are coda.

    Examples
    --------
    >>> [phase_class(h) for h in ("Pg", "IPU0", "eS", "Sn", "PmP", "sP", "PKP", "Lg", "AML", "Surface", "")]
    ['P', 'P', 'S', 'S', 'P', '', '', '', '', '', '']
    """
    return _classes(hint)[0]


def last_leg(hint: str) -> str:
    """What of P and S arrives, also of later phases and those of the core; empty for other waves.

    Examples
    --------
    >>> [last_leg(h) for h in ("Pg", "sP", "PKiKP", "SKS", "Pdiff", "Lg")]
    ['P', 'P', 'P', 'S', 'P', '']
    """
    return _classes(hint)[1]


@functools.lru_cache(1024)  # a catalogue has a million picks, and a dozen hints
def _classes(hint: str) -> tuple[str, str]:
    found = HINT.fullmatch(hint.strip().upper())
    if not found:
        return "", ""
    last = found["legs"].rstrip("GNB")[-1]
    return last if DIRECT.fullmatch(found["legs"]) and not found["branch"] else "", last
