"""What the attendants' desk costs with 100,000 leads in the tables, against the same with 500.

Both have 50 attendants who are there, each with leads of their own: the page shows the queue's head
and what is mine, and neither may grow with what is behind them.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from bench.staff import Door, compared
from bench.stocked import stocked
from bench.timing import Measured
from core.clock import now
from core.db import db, writing
from dealership.presence import beat
from dealership.roles import Role
from dealership.staff import create_staff
from leads.models import Lead
from leads.pipeline.stages import Stage, Turn

CARS: Final = 60
FEW, MANY = 500, 100_000
ATTENDANTS: Final = 50
EACH: Final = 6  # leads of one attendant; 250 a month leave about as many open at once
PAGES: Final = {
    "the desk": "/admin/atendimento/",
    "the desk's lists": "/admin/atendimento/fila",
    "one lead at the desk": "/admin/atendimento/{n.lead_id}/",
    "where that lead stands": "/admin/atendimento/{n.lead_id}/agora",
    "the board": "/admin/painel/",
    "the agenda": "/admin/agenda/",
}


def desk(_size: int) -> Iterator[Measured]:
    """Every page that an attendant or a supervisor has open all day."""
    with stocked(CARS, MANY) as much, stocked(CARS, FEW) as little:
        many, few = Door(much), Door(little)
        for one in (many, few):
            with one.app.app_context():
                staff_the_desk()
        for name, path in PAGES.items():
            yield compared(
                f"{name}, {MANY:,} leads", MANY, many, few,
                path.format(n=many.numbers), path.format(n=few.numbers),
                against=f"the same with {FEW} leads",
            )  # fmt: skip


def staff_the_desk() -> None:
    """Attendants who are there, each with leads that they talk about."""
    for number in range(ATTENDANTS):
        with writing() as session:
            member = create_staff(f"mesa{number}@loja.example", Role.ATTENDANT, name="Mesa")
            session.flush()
            staff_id = member.id
            newest = sa.select(Lead.id).where(Lead.owner_id.is_(None), Lead.closed_at.is_(None))
            ids = list(session.scalars(newest.order_by(Lead.id.desc()).limit(EACH)))
            due_at = now() + timedelta(hours=1)
            session.execute(
                sa.update(Lead)
                .where(Lead.id.in_(ids))
                .values(owner_id=staff_id, state=Stage.TALKING, turn=Turn.OURS, due_at=due_at)
            )
        beat(staff_id)
    db.session.rollback()
