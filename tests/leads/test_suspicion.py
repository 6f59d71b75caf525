"""Suspicion marks what looks like a machine and leaves people alone."""

import pytest

from leads.suspicion import SUSPECT_FROM, Signals, judge


@pytest.mark.parametrize(
    "signals",
    [
        Signals(filled_in_seconds=30, name="Ana", message="Aceita troca?"),
        Signals(filled_in_seconds=None, name="Ana", message="Vi no https://olx.com.br/1"),
        Signals(filled_in_seconds=40, from_address=500),  # a whole mobile network
        Signals(filled_in_seconds=None, from_address=31),
        Signals(filled_in_seconds=3, from_identity=4, message="Ainda tem?"),
        Signals(filled_in_seconds=1.2, name="Ana"),  # autofill is quick
        Signals(filled_in_seconds=20, proof_is_missing=True),
    ],
)
def test_people_pass(signals):
    assert judge(signals)[0] < SUSPECT_FROM


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        (Signals(honeypot="x", filled_in_seconds=60), "honeypot"),
        (Signals(filled_in_seconds=0.2, message="http://a.b http://c.d"), "links"),
        (Signals(filled_in_seconds=None, is_cross_site=True), "cross_site"),
        (Signals(filled_in_seconds=0.5, name="www.casino.example"), "link_in_name"),
        (Signals(filled_in_seconds=None, message="Привет, купите у нас базу"), "foreign_script"),
        (Signals(filled_in_seconds=0.1, from_identity=40), "busy_identity"),
    ],
)
def test_machines_are_marked(signals, reason):
    points, reasons = judge(signals)
    assert points >= SUSPECT_FROM
    assert reason in reasons
