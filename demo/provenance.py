"""What the demo's stores looked up about their used cars (Lei 13.111/2015)."""

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from core import clock
from core.db import db
from inventory.models import Vehicle
from inventory.provenance import ITEMS, Answer, ProvenanceFact, record_provenance

MOST: Final = 24  # as many as somebody looks at
ACTOR: Final = "demo"
SOURCES: Final = {
    "theft": "Senatran", "fines": "Detran", "taxes": "Secretaria da Fazenda",
    "lien": "Sistema Nacional de Gravames", "restrictions": "Senatran",
}  # fmt: skip


def look_up_provenance() -> None:
    """Answers for every other one of the first used cars on the site; those that have some keep
    them. Inside `writing()`."""
    known = set(db.session.scalars(sa.select(ProvenanceFact.vehicle_id)))
    cars = db.session.scalars(
        sa.select(Vehicle)
        # Cars that somebody holds by now count on: who is looked up must not change with it.
        .where(Vehicle.condition == "used", Vehicle.state.in_(("published", "reserved")))
        .where(Vehicle.source == ACTOR)
        .order_by(Vehicle.id)
        .limit(MOST)
    )
    for number, car in enumerate(list(cars)):
        if number % 2 or car.id in known:
            continue
        day = clock.today() - timedelta(days=2 + number % 17)
        answers = {
            item: Answer(answer="clear", source=SOURCES[item], checked_on=day) for item in ITEMS
        }
        if car.history.get("financed"):
            answers["lien"] = Answer(
                answer="present", source=SOURCES["lien"], checked_on=day,
                note="Financiamento quitado pela loja na entrega.",
            )  # fmt: skip
        record_provenance(car, answers, by=ACTOR)
