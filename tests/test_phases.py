"""Hints of phases are P, S or neither."""

import pytest

from seisnet.labels.phases import last_leg, phase_class


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        ("P Pg Pn Pb PmP P1 IP EP iP eP QP IPU0 EP+2 P. P* p PC0 PD", "P"),
        ("S Sg Sn Sb SmS S1 IS ES eS ISD1 S* s", "S"),
        ("Lg L AML IAML IVmB_BB Amp T R Q E I END x ? M Surface Spike START Pick PGA PGV Pmax", ""),
        (
            "pP pwP sP pS sS PP PPP SS PgPg SnSn SP PS PcP PcS ScS ScP PKP PKiKP PKPdf PKPab PKKP P'P' SKS SKSac SKKS",
            "",
        ),
        ("Pdiff Sdiff PmS", ""),
    ],
)
def test_hints_of_phases_are_p_s_or_neither(hints, expected):
    assert {hint: phase_class(hint) for hint in hints.split()} == dict.fromkeys(hints.split(), expected)
    assert phase_class("") == phase_class("   ") == ""


def test_what_arrives_of_later_phases_is_p_or_s_or_no_body_wave():
    hints = "pP PKPdf Pdiff ScP PP iP", "sS SKS Sdiff PcS PS S1", "Lg AML x"
    assert [{last_leg(hint) for hint in of.split()} for of in hints] == [{"P"}, {"S"}, {""}]
