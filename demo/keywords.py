"""Keywords of the demo, as an export of a keyword tool would bring them, some with their page."""

import sqlalchemy as sa

from content import keywords
from content.keywords import Keyword
from core.db import db

SOURCE = "palavras-demo.csv"
ROWS = (
    ("seminovos até 70 mil", "2400", "31", "/lp/seminovos-ate-70-mil"),
    ("carros até 70 mil", "5400", "44", "/lp/seminovos-ate-70-mil"),
    ("suv automático usado", "3600", "52", "/estoque"),
    ("suvs automáticos usados", "880", "49", "/lp/test-drive-suv"),
    ("avaliar meu carro", "1900", "38", "/avaliacao"),
    ("simulador de financiamento de carro", "8100", "61", "/financiamento"),
    ("carro elétrico usado", "2900", "40", "/lp/eletricos-e-hibridos"),
    ("feirão de seminovos", "1300", "35", "/lp/feirao-de-novembro"),
    ("fiat pulse seminovo", "720", "22", ""),
    ("picape diesel usada", "1000", "47", ""),
    ("concessionária em campinas", "590", "28", "/lojas"),
)


def found_keywords() -> int:
    """Add the demo's keywords where the table is empty; how many. Call it inside `writing()`."""
    if db.session.scalar(sa.select(sa.func.count(Keyword.id))):
        return 0
    keywords.take_in(ROWS, {"text": 0, "volume": 1, "difficulty": 2}, SOURCE)
    pages = {text: path for text, _volume, _difficulty, path in ROWS}
    for keyword in keywords.all_keywords():
        keywords.give_page(keyword, pages[keyword.text])
    return len(ROWS)
