"""The demo's mystery shopper: a month of rounds through every door, one bad morning, and two
answers of people. It goes out only when asked: a demo shall not fill itself while nobody looks."""

from datetime import timedelta
from random import Random
from typing import Any, Final

import sqlalchemy as sa

from admin.shopper_doors import OFFER, doors
from core.clock import DEFAULT_ZONE, now
from core.db import db, writing
from dealership.staff import find_staff
from inventory.models import Vehicle
from leads import shopper
from leads.capture import Arrival, insert
from leads.intake import Asked, enter
from leads.models import Lead, Submission
from leads.pipeline.log import record
from leads.shopper import CHECKS, ShopperRound

ATTENDANT: Final = "atendente@demo.example"
BY: Final = "gerente@demo.example"
HOURS: Final = (9, 13, 17)
BAD_DAY: Final = 11  # days ago, the first form
PROBLEM: Final = "O formulário responde com o erro 500."
# Name, question, minutes until the answer, how it was judged (of CHECKS; empty: not yet).
ANSWERED: Final = (
    ("Camila Nogueira", "Bom dia! Qual fica a parcela com 30% de entrada?", 7, "yyny"),
    ("Diego Martins", "Olá, este carro ainda está disponível? Aceitam o meu na troca?", 19, ""),
)


def shop() -> None:
    """Rounds as they could have been, unless there are some. Outside `writing()`."""
    if db.session.scalar(sa.select(ShopperRound.id).limit(1)) is not None:
        return
    tried = [one for one in doors() if not one.why_not]
    moment, drawn = now(), Random(1)
    rows: list[dict[str, Any]] = []
    for place, one in enumerate(tried):
        for days in range(29, 0, -1):
            day = (moment - timedelta(days=days)).astimezone(DEFAULT_ZONE)
            if day.weekday() == 6:
                continue
            for hour in HOURS:
                at = day.replace(hour=hour, minute=drawn.randrange(60), second=drawn.randrange(60))
                usual = 480 if one.source == "mailbox" else 1.5
                seconds = drawn.uniform(0.4, 1.6) * usual
                is_bad = place == 1 and days == BAD_DAY and hour == HOURS[0]
                arrived = at + timedelta(seconds=seconds)
                rows.append(
                    {
                        "door": one.key, "source": one.source, "slot": f"{at:%Y-%m-%d}:demo:{hour}",
                        "token": f"{len(rows):010x}", "is_human": False, "answers": {},
                        "checked_by": "", "state": shopper.FAILED if is_bad else shopper.GOOD,
                        "problem": PROBLEM if is_bad else "", "created_at": at, "sent_at": at,
                        "accepted_at": None if is_bad else at + timedelta(seconds=seconds / 4),
                        "queued_at": None if is_bad else arrived,
                        "seen_at": None if is_bad else arrived, "ended_at": arrived,
                    }
                )  # fmt: skip
    with writing() as session:
        if rows:
            session.execute(sa.insert(ShopperRound), rows)
        for days, answer in enumerate(ANSWERED, start=2):
            _answer(days, *answer)


def _answer(days: int, name: str, question: str, minutes: int, judged: str) -> None:
    """One that waited among the others and was answered by the attendant."""
    who, car = (
        find_staff(ATTENDANT),
        db.session.scalars(
            sa.select(Vehicle).where(Vehicle.state == "published").order_by(Vehicle.id).limit(1)
        ).first(),
    )
    if who is None or car is None:
        return
    at = (now() - timedelta(days=days)).replace(minute=12)
    row = ShopperRound(
        door=OFFER, source=OFFER, slot=f"human:demo:{days}", token=shopper.new_token(),
        is_human=True, state=shopper.SENT, sent_at=at, accepted_at=at, created_at=now(),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    arrival = Arrival(source=OFFER, idem_key=f"demo:shopper:{days}", payload={})
    insert(arrival)
    db.session.get_one(Submission, arrival.id).state = "done"  # nothing is left to read
    enquiry = enter(
        Asked(
            source=OFFER, kind="interest", name=name, phone="(11) 90000-1234",
            message=shopper.marked(question, row.token), vehicle_id=car.id,
            store_id=car.store_id, at=at,
        ),
        arrival.id,
    )  # fmt: skip
    lead = db.session.get_one(Lead, enquiry.lead_id)
    record(lead, "claimed", who.email, at=at + timedelta(minutes=minutes - 3), owner_id=who.id)
    record(lead, "human_contact", who.email, at=at + timedelta(minutes=minutes),
           channel="whatsapp", evidence="whatsapp")  # fmt: skip
    row.queued_at = row.created_at = at
    shopper.reveal(row)
    row.ended_at = at + timedelta(hours=1)
    if judged:
        row.answers = {name: mark == "y" for name, mark in zip(CHECKS, judged, strict=True)}
        row.checked_by = BY
    db.session.flush()
