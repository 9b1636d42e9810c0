"""Phases by the hints of analysts."""

from __future__ import annotations

import functools
import re

HINT = re.compile(
    r"[EIQ]?"  # quality of the onset: emergent, impulsive, questionable
    r"(?P<legs>[PS][GNB]?(?:[KIJMCW]*[PS][GNB]?)*)"
    r"(?:\*|DIFF?|DF|[AB]C|AB)?\d?"  # branch
    r"[-+.?UDCN]?[0-4]?"  # polarity and weight, as in HYPO71's IPU0
)


@functools.lru_cache(1024)  # a catalogue has a million picks, and a dozen hints
def phase_class(hint: str) -> str:
    """Map a phase hint to ``P``, ``S``, or an empty string for what is neither.

    What arrives counts, the last leg: P, p, Pg, Pn, Pb, P*, P1, PmP, PcP, PP, PKP, PKiKP, Pdiff, sP and ScP are P;
    S, s, Sg, Sn, Sb, S*, S1, SmS, ScS, SS, SKS and PS are S. Qualities before (``iP``, ``ES``), polarities and
    weights after (``IPU0``) are dropped. Lg, amplitudes (AML) and whatever else there is are neither.

    Examples
    --------
    >>> [phase_class(h) for h in ("Pg", "IPU0", "eS", "Sn", "PmP", "sP", "Lg", "AML", "Surface", "")]
    ['P', 'P', 'S', 'S', 'P', 'P', '', '', '', '']
    """
    found = HINT.fullmatch(hint.strip().upper())
    return found["legs"].rstrip("GNB")[-1] if found else ""
