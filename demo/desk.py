"""Two months of the demo's desk: who waits, what everybody has in hand, what became of the rest.

Told through the verbs that doors and staff use, each event at its own time, so that it breaks when
a rule breaks. Ages count from now: the queue is as lively on a Sunday night as on a Monday.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import DEFAULT_ZONE, now
from core.db import db, writing
from core.text import fold
from dealership.business_time import add_working
from dealership.models import Store
from dealership.staff import StaffMember
from demo.desk_scenes import (
    CLOSED,
    GAPS,
    MESSAGES,
    NEEDS,
    NEXT,
    OPEN,
    SOURCES,
    STAFF,
    WAITING,
    WAYS,
    Scene,
    Wish,
    names,
)
from inventory.models import Vehicle
from leads.intake import Asked, enter
from leads.models import Appointment, Lead, Submission
from leads.pipeline.clocks import schedule_for
from leads.pipeline.log import record
from leads.pipeline.rules import QueueRules, QueueRulesRow, Target, rules_at

MARK: Final = "demo-desk"
LEADS_PER_CAR: Final = 4  # a small load, as tests make, has a small desk
_HOUSE_SINCE: Final = timedelta(days=120)
_VISIT: Final = timedelta(minutes=30)
_LAST_HOUR: Final = 17  # nobody is expected today any more
_AREA: Final = {"SP": "19", "MG": "31"}
# What the demo's house promises. Longer than the product's own five minutes: nobody answers here
# while a newcomer looks around, and a queue that is red all over shows nothing.
HOUSE: Final = QueueRules(
    urgent=Target(minutes=10, late=30),
    priority=Target(minutes=30, late=120),
    today=Target(minutes=60, late=240),
    handoff=Target(minutes=60, late=600),
    overdue=Target(minutes=60, late=6000),
)


def fill_desk(vehicles: int, seed: int = 1) -> int:
    """Let the demo's people have worked for two months, unless they have; how many leads came. A
    door of its own: call it outside `writing()`, after `hire_staff`."""
    with writing():
        there = sa.select(Submission.id).where(Submission.idem_key.startswith(f"{MARK}:"))
        people = _people()
        if db.session.scalar(there.limit(1)) or len(people) < len(STAFF):
            return 0
        _set_house_rules()
        desk = _Desk(random.Random(seed), people)
        scenes = list(_scenes(desk.rng))[: vehicles * LEADS_PER_CAR]
        for scene in sorted(scenes, key=lambda one: one.at):
            desk.play(scene)
        return len(scenes)


def _people() -> dict[str, StaffMember]:
    rows = db.session.scalars(
        sa.select(StaffMember).where(StaffMember.email.in_([f"{n}@demo.example" for n in STAFF]))
    )
    return {one.email.partition("@")[0]: one for one in rows.unique()}


def _set_house_rules() -> None:
    """The rules of the house, unless somebody set others."""
    if db.session.scalar(sa.select(QueueRulesRow.id).limit(1)) is None:
        since, by = now() - _HOUSE_SINCE, "dona@demo.example"
        db.session.add(QueueRulesRow(since=since, by=by, rules=HOUSE.model_dump()))


def _scenes(rng: random.Random) -> Iterator[Scene]:
    """Who waits, then what is in hand, then what has ended; each with the time it began."""
    moment = now()
    for wish in WAITING:
        yield Scene("waiting", wish, at=moment - timedelta(minutes=wish.minutes))
    for stage, count, days in OPEN:
        for _n in range(count):
            yield Scene(stage, at=moment - timedelta(days=rng.uniform(*days)))
    for stage, count in CLOSED:
        for _n in range(count):
            yield Scene(stage, at=_daytime(moment - timedelta(days=rng.uniform(3, 60)), rng))


def _daytime(moment: datetime, rng: random.Random) -> datetime:
    """The same day, at an hour at which people write."""
    hour = rng.choices(range(7, 24), [2, 4, 7, 9, 9, 8, 7, 7, 7, 7, 8, 8, 7, 6, 5, 3, 1])[0]
    local = moment.astimezone(DEFAULT_ZONE)
    return local.replace(hour=hour, minute=rng.randrange(60)).astimezone(moment.tzinfo)


@dataclass
class _Play:
    """One lead while its events are told: `at` is when the last one happened."""

    lead: Lead
    who: StaffMember
    at: datetime
    submission_id: str
    visit: Appointment | None = None
    scene: Scene = field(default_factory=lambda: Scene("waiting", at=now()))


class _Desk:
    """The house, its cars and its people."""

    def __init__(self, rng: random.Random, people: Mapping[str, StaffMember]) -> None:
        self.rng, self.people = rng, people
        self.stores = list(db.session.scalars(sa.select(Store).order_by(Store.position)))
        self.cars = _cars()
        self.names = names(rng)
        self.taken = _taken()
        self.rules = rules_at()
        self.turns = self.visits = 0

    def play(self, scene: Scene) -> None:
        """Everything that happens to one lead until it stands where `scene` says."""
        one = self._enter(scene)
        for kind in WAYS[scene.stage](self.rng, one.lead.store_id == self.stores[0].id):
            self._step(one, kind)
        if scene.stage in NEXT:
            self._plan(one, NEXT[scene.stage])
        self._date_back(one)

    # ---- how it began

    def _enter(self, scene: Scene) -> _Play:
        self.turns += 1
        wish = scene.wish or self._wish(scene.stage)
        store = self._store(scene.stage)
        at = self._late(store, scene.at, wish) if wish.is_late else scene.at
        car = self._car(store, wish.car or ("sold" if scene.stage == "won" else "published"))
        name = wish.name if wish.name is not None else next(self.names)
        number = f"+55{_AREA[store.state_code]}9000{self.turns:05d}"
        phone = number if wish.has_phone else ""
        email = f"{fold(name).replace(' ', '.')[:40]}@clientes.example" if wish.has_email else ""
        submission = self._submission(wish, at, name, phone, email)
        enquiry = enter(
            Asked(
                source=wish.source,
                kind=wish.kind,
                name=name,
                phone=phone,
                email=email,
                message=wish.message,
                department="service" if wish.kind == "service" else "sales",
                vehicle_id=car.id if car and wish.kind != "service" else None,
                store_id=store.id,
                touch=wish.touch,
                at=at,
                actor="site" if wish.source.startswith(("form:", "landing")) else wish.actor,
            ),
            submission,
        )
        lead = db.session.get_one(Lead, enquiry.lead_id)
        who = self.people[("atendente", "atendente2", "atendente3")[self.turns % 3]]
        return _Play(lead, who, at, submission, scene=scene)

    def _submission(self, wish: Wish, at: datetime, name: str, phone: str, email: str) -> str:
        fields = {"nome": name, "telefone": phone, "mensagem": wish.message}
        payload = {"kind": wish.kind, "name": name, "phone": phone, "email": email}
        row = Submission(
            id=f"{self.rng.getrandbits(128):032x}",
            source=wish.source,
            idem_key=f"{MARK}:{self.turns}",
            payload={**payload, "message": wish.message, "fields": fields},
            meta={"first_touch": wish.touch, "last_touch": wish.touch},
            received_at=at,
            state="done",
        )
        db.session.add(row)
        db.session.flush()
        return row.id

    def _wish(self, stage: str) -> Wish:
        source, kind, touch = self.rng.choices(SOURCES, [one.weight for one in SOURCES])[0][:3]
        return Wish(
            source=source,
            kind=kind,
            message=self.rng.choice(MESSAGES),
            touch=touch,
            has_phone=self.rng.random() > 0.06,
            has_email=self.rng.random() > 0.4,
            car="sold" if stage == "talking" and self.rng.random() < 0.3 else "",
        )

    def _store(self, stage: str) -> Store:
        """The seller works in the main store; most people write to it, too."""
        if stage in {"offered", "with_seller", "reserved"} or self.rng.random() < 0.6:
            return self.stores[0]
        return self.rng.choice(self.stores)

    def _car(self, store: Store, state: str) -> Vehicle | None:
        own = [car for car in self.cars if car.state == state and car.store_id == store.id]
        found = own or [car for car in self.cars if car.store_id == store.id] or self.cars
        return self.rng.choice(found) if found else None

    def _late(self, store: Store, at: datetime, wish: Wish) -> datetime:
        """The newest time, by whole hours back, for which the answer is now too late."""
        schedule = schedule_for(store.id)
        minutes = self.rules.target(1).late + wish.minutes
        while add_working(schedule, at, minutes) > now():
            at -= timedelta(hours=1)
        return at

    # ---- what happened

    def _step(self, one: _Play, kind: str) -> None:
        """One event, a plausible time after the last one and never ahead of now."""
        if kind == "booked":
            self._book(one)
        if kind in {"visited", "no_show"} and one.visit is not None:
            at = one.visit.starts_at + _VISIT
        elif kind == "woke" or (kind == "handoff_offered" and one.scene.stage == "offered"):
            at = now() - timedelta(minutes=20)  # their clocks run on from here
        else:
            minutes = self.rng.uniform(*GAPS.get(kind, (5, 60)))
            at = add_working(schedule_for(one.lead.store_id), one.at, minutes)
        one.at = min(max(at, one.at + timedelta(seconds=20)), max(one.at, now()))
        actor = "system" if kind == "woke" else one.who.email
        if kind in {"handoff_accepted", "proposal_sent", "reserved"} and one.lead.seller_id:
            actor = self.people["vendedor"].email
        facts = FACTS[kind](self, one) if kind in FACTS else {}
        record(one.lead, kind, actor, at=one.at, rules=self.rules, **facts)

    def _book(self, one: _Play) -> None:
        """The visit of a scene on its day; of a past one, a working day or two after they wrote."""
        schedule = schedule_for(one.lead.store_id)
        if one.scene.stage == "scheduled":
            starts_at = self._coming()
        else:
            starts_at = add_working(schedule, one.at, self.rng.uniform(200, 1500))
            starts_at = starts_at.replace(minute=starts_at.minute // 30 * 30, second=0)
            starts_at = min(starts_at, (now() - timedelta(hours=2)).replace(minute=0, second=0))
        starts_at = starts_at.replace(microsecond=0).astimezone(now().tzinfo)
        store_id = one.lead.store_id or self.stores[0].id
        while (store_id, starts_at) in self.taken:
            starts_at += _VISIT if starts_at > now() else -_VISIT
        self.taken.add((store_id, starts_at))
        one.visit = Appointment(
            kind="test_drive",
            store_id=store_id,
            submission_id=one.submission_id,
            lead_id=one.lead.id,
            vehicle_id=one.lead.vehicle_id,
            starts_at=starts_at,
            minutes=_VISIT.seconds // 60,
            created_at=one.at,
        )
        db.session.add(one.visit)
        db.session.flush()

    def _coming(self) -> datetime:
        """Today while the day lasts, tomorrow, today, and so on."""
        self.visits += 1
        local = now().astimezone(DEFAULT_ZONE)
        hour = 9 + self.visits * 2 % 9
        if self.visits % 2 and local.hour < _LAST_HOUR:
            return local.replace(hour=max(hour, local.hour + 2), minute=0, second=0)
        return (local + timedelta(days=1)).replace(hour=hour, minute=30, second=0)

    def _plan(self, one: _Play, action: str) -> None:
        """The next dated step of what is in hand: most lie ahead, one in six was forgotten."""
        if self.turns % 6 == 0:
            due = now() - timedelta(minutes=self.rng.randrange(12, 150))
        else:
            minutes = self.rng.choice((15, 40, 90, 160, 300, 500, 900))
            due = add_working(schedule_for(one.lead.store_id), now(), minutes)
        one.at = max(one.at, min(one.at + timedelta(minutes=1), now()))
        facts = {"action": action, "due_at": due.isoformat()}
        record(one.lead, "next_action", one.who.email, at=one.at, rules=self.rules, **facts)

    def _date_back(self, one: _Play) -> None:
        one.lead.updated_at = one.at
        person = one.lead.person
        person.created_at = person.updated_at = one.lead.created_at
        db.session.flush()

    # ---- the facts of each event

    def summary(self, one: _Play) -> dict[str, str]:
        need, trade_in, payment = NEEDS[one.lead.id % len(NEEDS)]
        facts = {"need": need, "trade_in": trade_in, "payment": payment}
        return {name: text for name, text in facts.items() if text}

    def price_cents(self, one: _Play) -> int:
        car = db.session.get(Vehicle, one.lead.vehicle_id) if one.lead.vehicle_id else None
        asked = (car.price_cents if car else None) or 74_900_00
        return asked - self.rng.randrange(0, 4) * 500_00

    def ahead(self, minutes: float) -> str:
        return (now() + timedelta(minutes=minutes)).isoformat()


def _cars() -> list[Vehicle]:
    return list(
        db.session.scalars(
            sa.select(Vehicle)
            .where(Vehicle.state.in_(["published", "sold"]))
            .order_by(Vehicle.id)
            .limit(240)
        ).unique()
    )


def _taken() -> set[tuple[int, datetime]]:
    rows = db.session.execute(sa.select(Appointment.store_id, Appointment.starts_at))
    return {(store_id, starts_at) for store_id, starts_at in rows}


def _contact(channel: str) -> dict[str, Any]:
    return {"channel": channel, "evidence": channel}


Facts = Callable[[_Desk, _Play], Mapping[str, Any]]
_LOSSES: Final[Sequence[str]] = (
    *("price", "price", "bought_elsewhere", "bought_elsewhere", "credit", "trade_in"),
    *("gave_up", "sold", "distance", "no_stock"),
)
FACTS: Final[Mapping[str, Facts]] = {
    "claimed": lambda _desk, one: {"owner_id": one.who.id},
    "human_contact": lambda _desk, one: _contact("whatsapp" if one.lead.person.phone else "mail"),
    "talked": lambda desk, _one: _contact(desk.rng.choice(("phone", "whatsapp"))),
    "attempted": lambda _desk, _one: {"channel": "phone", "outcome": "no_answer"},
    "qualified": lambda desk, one: desk.summary(one),
    "booked": lambda _desk, one: {
        "appointment_id": one.visit.id if one.visit else None,
        "starts_at": one.visit.starts_at.isoformat() if one.visit else "",
    },
    "no_show": lambda _desk, one: {"appointment_id": one.visit.id if one.visit else None},
    "handoff_offered": lambda desk, one: {
        "seller_id": desk.people["vendedor"].id,
        "summary": desk.summary(one),
    },
    "handoff_accepted": lambda desk, _one: {"seller_id": desk.people["vendedor"].id},
    "proposal_sent": lambda desk, one: {"price_cents": desk.price_cents(one)},
    "reserved": lambda desk, _one: {"due_at": desk.ahead(2 * 24 * 60)},
    "won": lambda desk, one: {"price_cents": desk.price_cents(one)},
    "lost": lambda desk, one: {
        "reason": "no_answer" if one.lead.state == "trying" else desk.rng.choice(_LOSSES)
    },
    "slept": lambda desk, one: {
        "due_at": (
            now().isoformat() if one.scene.stage == "woken"
            else desk.ahead(60 * 24 * desk.rng.uniform(3, 40))
        ),
        "words": "Pediu para voltarmos a falar mais adiante.",
    },
    "marked_invalid": lambda desk, _one: {
        "reason": desk.rng.choice(("wrong_number", "spam", "job"))
    },
    # Agreed for later today, by somebody whose shift ended.
    "returned": lambda desk, one: {
        "reason": "shift_end", "urgency": 2, "due_at": desk.ahead(100 + 40 * (one.lead.id % 3)),
    },
}  # fmt: skip
