"""Our versions in a portal's words: what is taken without a person is right, or is not taken."""

from pathlib import Path

import pytest

from integrators.listings.term_matching import LIKELY, Word, ranked, taken
from integrators.portals.portal import Term

# make | model | our version | what the portal's list holds: the right one first, or - for none
_TABLE = Path(__file__).with_name("versions.txt").read_text("utf-8")
VERSIONS = [
    (*cells[:3], [None if name == "-" else name for name in cells[3:]])
    for cells in (line.split(" | ") for line in _TABLE.splitlines())
]

MODELS = [
    ("Fiat", "Argo", ["ARGO", "ARGO TREKKING"]),
    ("Hyundai", "HB20S", ["HB20 S", "HB20", "HB20X"]),
    ("Hyundai", "HB20", ["HB20", "HB20S", "HB20X"]),
    ("Chevrolet", "Onix+", ["ONIX PLUS", "ONIX"]),
    ("Honda", "HR-V", ["HRV", "WR-V", "CR-V"]),
    ("Ford", "Fiesta Sedan", ["FIESTA", "KA"]),
    ("Ford", "Fiesta", ["FIESTA", "FIESTA SEDAN", "NEW FIESTA"]),
    ("Citroën", "C3", [None, "C3 AIRCROSS", "C4"]),
    ("Chevrolet", "Onix", [None, "ONIX PLUS", "ONIX SEDAN"]),
    ("Volkswagen", "T-Cross", ["VOLKSWAGEN T CROSS", "TAOS"]),
    ("BMW", "320i", [None, "SERIE 3", "X3"]),
]


def choice(list_name: str, names: tuple[str, ...], theirs: list[str | None]) -> str:
    """right, wrong or asked."""
    terms = [Term(name, name) for name in theirs if name]
    found = taken(ranked(list_name, Word("", names), terms))
    if found is None:
        return "asked"
    return "right" if found.term.code == theirs[0] else "wrong"


def test_a_version_is_taken_rightly_or_asked():
    told = {"right": [], "wrong": [], "asked": []}
    for make, model, ours, theirs in VERSIONS:
        names = (make, model, ours)
        told[choice("trim", names, theirs)].append(f"{model} {ours} -> {theirs[0]}")
    assert told["wrong"] == []
    assert len(VERSIONS) >= 60
    # Whether the portal has none of that name, or ours does not say which: a person.
    assert all(choice("trim", (a, b, c), t) == "asked" for a, b, c, t in VERSIONS if t[0] is None)
    with_an_answer = [row for row in VERSIONS if row[3][0]]
    assert len(told["right"]) > 0.8 * len(with_an_answer), told["asked"]


@pytest.mark.parametrize(("make", "model", "theirs"), MODELS)
def test_a_model_is_taken_rightly_or_asked(make, model, theirs):
    wanted = "right" if theirs[0] else "asked"
    assert choice("model", (make, model), theirs) == wanted
    assert choice("moto_model", (make, model), theirs) == wanted


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Volkswagen", ["VW - VOLKSWAGEN", "VOLVO"]),
        ("Mercedes-Benz", ["MERCEDES BENZ", "MERCURY"]),
        ("Citroën", ["CITROEN"]),
        ("CAOA Chery", [None, "CHERY"]),
        ("RAM", [None, "DODGE"]),
        ("Kia", ["KIA MOTORS"]),
    ],
)
def test_a_make_is_taken_rightly_or_asked(ours, theirs):
    assert choice("make", (ours,), theirs) == ("right" if theirs[0] else "asked")


@pytest.mark.parametrize(
    ("kind", "code", "theirs"),
    [
        ("fuel", "flex", ["Gasolina e álcool", "Gasolina", "Álcool"]),
        ("fuel", "plugin_hybrid", [None, "Híbrido"]),
        ("transmission", "automatic", ["Automática", "Automatizada", "Manual"]),
        ("color", "white", ["Branco", "Branco Polar"]),
        ("moto_cubiccms", "150", ["150", "160", "125"]),
        ("moto_cubiccms", "160", [None, "150", "200"]),
        ("feature", "alloy_wheels", ["Rodas de liga leve", "Ar-condicionado"]),
    ],
)
def test_words_of_the_vocabulary(kind, code, theirs):
    assert choice(kind, (code,), theirs) == ("right" if theirs[0] else "asked")


def test_years_decide_between_two_of_one_name():
    terms = [Term("1", "1.0 LT (2013-2016)"), Term("2", "1.0 LT (2017-2019)")]
    best = ranked("trim", Word("", ("Chevrolet", "Onix", "1.0 LT"), frozenset({2018})), terms)
    assert taken(best).term.code == "2"
    both = ranked("trim", Word("", ("Chevrolet", "Onix", "1.0 LT"), frozenset({2016, 2018})), terms)
    assert taken(both) is None
    assert both[0].confidence < LIKELY
