"""Titles and descriptions fit where search engines show them."""

import pytest

from core.head import fit, shorten

LONG = "O que conferir antes de comprar um seminovo"
HOUSE = " | Quatro Ipês Automóveis"


@pytest.mark.parametrize(
    ("parts", "title"),
    [
        (["Carros", "em Campinas"], f"Carros em Campinas{HOUSE}"),
        (["Carros novos e usados", "em Campinas e região"], f"Carros novos e usados{HOUSE}"),
        (["Carros", ""], f"Carros{HOUSE}"),
        # Too long for both: the words stay, the house goes.
        ([LONG], LONG),
    ],
)
def test_a_title_loses_its_end_first_and_never_its_first_words(parts, title):
    assert fit(parts, HOUSE) == title
    assert len(title) <= 60


def test_a_description_is_one_line_and_ends_at_a_word():
    assert shorten("Uma\n linha   só") == "Uma linha só"
    cut = shorten("palavra, " * 40)
    assert len(cut) <= 155
    assert cut.endswith("palavra…")
