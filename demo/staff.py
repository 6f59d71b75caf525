"""The demo's people: an account per role, so that a newcomer can see the staff door as each, and a
team of attendants."""

from typing import Final

import sqlalchemy as sa

from core.config import current
from core.db import db, writing
from dealership.models import Store
from dealership.passwords import password_digest
from dealership.roles import Role
from dealership.staff import create_staff, find_staff

PASSWORD: Final = "vitrine-de-demonstracao"  # noqa: S105 - printed at the start
PEOPLE: Final = (
    ("dona@demo.example", "Helena Prado", Role.OWNER, ()),
    ("gerente@demo.example", "Rui Sampaio", Role.SUPERVISOR, ()),
    ("atendente@demo.example", "Bia Nogueira", Role.ATTENDANT, ()),
    ("atendente2@demo.example", "Davi Rocha", Role.ATTENDANT, ()),
    ("atendente3@demo.example", "Nara Lopes", Role.ATTENDANT, ()),
    ("vendedor@demo.example", "Caio Torres", Role.SELLER, (0,)),  # of the main store
    ("redacao@demo.example", "Lia Campos", Role.EDITOR, ()),
)


def hire_staff() -> None:
    """The demo's accounts, those that are missing; never in production, where a known password
    would be an open door. A door of its own: call it outside `writing()`."""
    if current().is_production:
        return
    digest = password_digest(PASSWORD)  # slow on purpose, so before anybody waits for us
    with writing():
        _hire(digest)


def _hire(digest: str) -> None:
    stores = db.session.scalars(sa.select(Store).order_by(Store.position)).all()
    for email, name, role, places in PEOPLE:
        if find_staff(email) is None:
            places_of = [stores[n] for n in places]
            create_staff(email, role, name=name, digest=digest, stores=places_of)


def sign_in_lines() -> list[str]:
    """What a newcomer types at /admin/, while the demo's owner has the demo's password."""
    owner = find_staff(PEOPLE[0][0])
    return [f"{owner.email}  {PASSWORD}"] if owner else []
