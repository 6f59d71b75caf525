"""The demo's agenda and its line: a day in every state a visit can be in, a car that is held and
who waits for it. Told through the verbs that the site and the reception use."""

import random
import secrets
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from inventory.models import Vehicle
from leads import agenda, consent, waiting_line
from leads.check_in import is_today
from leads.intake import Asked, enter
from leads.models import Appointment, Submission
from leads.pipeline.holds import CarHold, WaitingPlace

MARK: Final = "demo-line"
WAITING: Final = (
    ("Patrícia Nogueira", "+5519900077001", "patricia.nogueira@clientes.example"),
    ("Edson Vilela", "+5519900077002", ""),
    ("Rosana Campos", "+5519900077003", "rosana.campos@clientes.example"),
)


def fill_agenda(seed: int = 1) -> None:
    """Let some of the visits of today and tomorrow be confirmed, and three people wait for the car
    that is held, unless that was done. A door of its own: call it outside `writing()`."""
    with writing():
        if db.session.scalar(sa.select(WaitingPlace.id).limit(1)) is not None:
            return
        _confirm_some(random.Random(seed))
        held = db.session.scalars(
            sa.select(CarHold).where(CarHold.ended_at.is_(None)).order_by(CarHold.id)
        ).first()
        if held is not None:
            for number, facts in enumerate(WAITING):
                _queue_up(held.vehicle_id, number, *facts)


def _confirm_some(rng: random.Random) -> None:
    """Every other visit to come is confirmed; who should have been here today is."""
    coming = db.session.scalars(
        sa.select(Appointment)
        .where(Appointment.state == "booked", Appointment.lead_id.is_not(None))
        .where(Appointment.arrived_at.is_(None), Appointment.missed_at.is_(None))
        .where(Appointment.starts_at >= now() - timedelta(days=1))
        .order_by(Appointment.starts_at, Appointment.id)
    ).all()
    for visit in coming:
        if visit.starts_at <= now() and is_today(visit):
            agenda.arrive(visit, by="person")
        elif rng.random() < 0.5:
            agenda.confirm(visit, by="person")


def _queue_up(vehicle_id: int, number: int, name: str, phone: str, email: str) -> None:
    car = db.session.get_one(Vehicle, vehicle_id)
    wording = consent.current_text(consent.LINE)
    payload = {"kind": waiting_line.KIND, "name": name, "phone": phone, "email": email}
    row = Submission(
        id=secrets.token_hex(16),
        source="form:fila",
        idem_key=f"{MARK}:{number}",
        payload={**payload, "message": "", "fields": {"nome": name, "telefone": phone}},
        meta={"page": f"/oferta/{car.slug}-{car.public_id}", "channel": "site"},
        received_at=now(),
        state="done",
    )
    db.session.add(row)
    db.session.flush()
    waiting_line.join(
        vehicle_id, row.id, name=name, phone=phone, email=email, text_digest=wording.digest
    )
    enquiry = enter(
        Asked(source="form:fila", kind=waiting_line.KIND, name=name, phone=phone, email=email,
              vehicle_id=vehicle_id, store_id=car.store_id, at=row.received_at),
        row.id,
    )  # fmt: skip
    waiting_line.recognise_place(row, enquiry)
