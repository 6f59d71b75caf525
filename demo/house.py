"""How the demo group writes, and the channels its leads come by besides the site.

Only kinds that nobody has to be asked: the demo calls no real service.
"""

from typing import Final

import sqlalchemy as sa

from core.db import db, writing
from dealership.looks import held_row
from integrators import accounts
from integrators.models import PortalAccount

TONE: Final = (
    'Fale com "você", como quem atende no pátio.\n'
    "Frases curtas. Primeiro o fato, depois o convite.\n"
    'Nunca: "imperdível", "corra", "a partir de" sem o preço inteiro.'
)
CHANNELS: Final = (
    ("generic", "Formulário do site antigo", {"auth_token": "demonstracao-sem-valor-2027"}),
    ("adf", "Portal regional (ADF)", {"username": "quatroipes", "password": "demonstracao-2027"}),
)


def furnish_house() -> None:
    """Add what is missing, change nothing that is there. A door of its own: it opens
    `writing()`."""
    with writing():
        house = held_row()
        house.tone = house.tone or TONE
        present = set(db.session.scalars(sa.select(PortalAccount.name)))
        for kind, name, settings in CHANNELS:
            if name not in present:
                accounts.register(kind, name, settings)
