"""`/admin/duplicados/`: pairs of people who may be one, what was joined, who skated.

A pair is shown to who serves stores where both have a lead. Joining people who also have leads in
other stores takes a supervisor.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, found, is_sure, local_path, may, staff
from admin.leads import own_lead
from admin.lists import Listing
from core.db import db
from core.errors import DomainError
from dealership.roles import Permission
from inventory.models import CarModel, Vehicle
from leads.duplicate_pairs import REASONS, STRENGTHS, DuplicatePair, decide
from leads.duplicates import is_visible, open_pairs
from leads.merging import merge
from leads.models import Lead, Person
from leads.people import email_key, is_similar, phone_key
from leads.sides import PersonMerge
from leads.skating import REASONS as SKATE_REASONS
from leads.skating import skate_alerts
from leads.unmerging import unmerge

HERE: Final = "/admin/duplicados/"
PAGE: Final = 20  # pairs on a page
MOST_LEADS: Final = 3  # of one person


@dataclass(frozen=True)
class Side:
    """One of the two, as the card shows them."""

    person: Person
    leads: Sequence[Lead]
    more: int
    cars: Sequence[str]


@dataclass(frozen=True)
class Card:
    """A pair side by side."""

    pair: DuplicatePair
    sides: tuple[Side, Side]
    differs: frozenset[str]  # name, phone, email
    strength: str
    reasons: Sequence[str]


class Duplicates(StaffView):
    """Possible duplicates, joins and their undoing, skate alerts."""

    icon = "people"

    @at("/", Permission.WORK_LEADS)
    def index(self) -> str:
        """What is open, the surest first; or with `quais=unidas` the history of joins."""
        if request.args.get("quais") == "unidas":
            listing = _joins()
            return str(self.render("admin/duplicates_joined.html", listing=listing))
        listing = Listing(
            _asked_pairs(),
            {"certeza": DuplicatePair.strength, "data": DuplicatePair.at},
            default="-certeza",
            tie=DuplicatePair.id.desc(),
            page_size=PAGE,
            loads=(joinedload(DuplicatePair.older), joinedload(DuplicatePair.newer)),
        )
        alerts = skate_alerts(staff().store_ids) if may(Permission.SUPERVISE_LEADS) else []
        return str(
            self.render(
                "admin/duplicates.html",
                listing=listing,
                cards=cards_of(listing.rows),
                alerts=alerts,
                skate_reasons=SKATE_REASONS,
            )
        )

    @at("/<int:pair_id>/mesma", Permission.WORK_LEADS, methods=("POST",))
    def join(self, pair_id: int) -> Response:
        """They are one person: all on the older one's timeline."""
        pair = _own_pair(pair_id)
        by, stores = staff().email, sight()
        older_id, newer_id = pair.older_id, pair.newer_id
        try:
            with changing("person.merge", f"person:{older_id}") as change:
                made = merge(
                    db.session.get_one(Person, older_id),
                    db.session.get_one(Person, newer_id),
                    by,
                    store_ids=stores,
                )
                change.after = {"merge_id": made.id, "merged": newer_id}
                number = made.id
        except DomainError as refusal:
            return answer(refusal, _back())
        done(
            _("Joined: one person, one history."),
            undo=f"{HERE}{number}/desfazer?confirmado=1",
        )
        return redirect(_back(), code=303)

    @at("/<int:pair_id>/diferentes", Permission.WORK_LEADS, methods=("POST",))
    def part(self, pair_id: int) -> Response:
        """They are two people: nobody is asked again."""
        self._decide(pair_id, "different", "person.are_different")
        done(_("Noted: two people. Nobody is asked again."), undo=f"{HERE}{pair_id}/perguntar")
        return redirect(_back(), code=303)

    @at("/<int:pair_id>/perguntar", Permission.WORK_LEADS, methods=("POST",))
    def ask(self, pair_id: int) -> Response:
        """The pair is open again."""
        self._decide(pair_id, "open", "person.ask_again")
        done(_("It is among the possible duplicates again."))
        return redirect(HERE, code=303)

    def _decide(self, pair_id: int, state: str, action: str) -> None:
        pair = _own_pair(pair_id)
        with changing(action, f"person:{pair.older_id}") as change:
            decide(pair.older_id, pair.newer_id, state, staff().email)
            change.after = {"other": pair.newer_id, "state": state}

    @at("/<int:merge_id>/desfazer", Permission.WORK_LEADS, methods=("GET", "POST"))
    def undo(self, merge_id: int) -> str | Response:
        """They were two people after all: each gets back what is theirs."""
        made = _own_merge(merge_id)
        joined = f"{HERE}?quais=unidas"
        is_from_toast = request.method == "POST" and request.args.get("confirmado") == "1"
        if request.method == "GET" or not (is_sure() or is_from_toast):
            return self.ask_first(
                _("Undo this join?"),
                _(
                    "Both people come back, each with their own history. What came in since goes "
                    "to whose phone or e-mail it came by."
                ),
                yes=_("Undo the join"),
                back=joined,
                back_words=_("Joined people"),
            )
        by, stores = staff().email, sight()
        try:
            with changing("person.unmerge", f"person:{made.kept_id}") as change:
                unmerge(db.session.get_one(PersonMerge, merge_id), by, store_ids=stores)
                change.after = {"merge_id": merge_id}
        except DomainError as refusal:
            return answer(refusal, joined)
        done(_("Undone: two people, each with their own history."))
        return redirect(joined, code=303)


def _asked_pairs() -> sa.Select[Any]:
    """The open pairs; with `lead` in the address those of its person alone."""
    rows = open_pairs(staff().store_ids)
    number = request.args.get("lead", "")
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        return rows
    person_id = own_lead(int(number)).person_id
    return rows.where(
        sa.or_(DuplicatePair.older_id == person_id, DuplicatePair.newer_id == person_id)
    )


def sight() -> Collection[int] | None:
    """The stores within which who is signed in may join people; None: all."""
    return None if may(Permission.SUPERVISE_LEADS) else staff().store_ids


def _back() -> str:
    return local_path(request.form.get("volta"), HERE)


def _own_pair(pair_id: int) -> DuplicatePair:
    pair: DuplicatePair = found(db.session.get(DuplicatePair, pair_id))
    return found(pair if is_visible(pair, staff().store_ids) else None)


def _own_merge(merge_id: int) -> PersonMerge:
    made = sa.select(PersonMerge).where(PersonMerge.id == merge_id, _in_sight())
    row: PersonMerge = found(db.session.scalars(made).one_or_none())
    return row


def _in_sight() -> sa.ColumnElement[bool]:
    ids = staff().store_ids
    if ids is None:
        return sa.true()
    return sa.exists().where(Lead.person_id == PersonMerge.kept_id, Lead.store_id.in_(ids))


def _joins() -> Listing:
    return Listing(
        sa.select(PersonMerge).where(_in_sight()),
        {"data": PersonMerge.at},
        default="-data",
        tie=PersonMerge.id.desc(),
        loads=(joinedload(PersonMerge.kept), joinedload(PersonMerge.gone)),
    )


# ---- cards ----


def cards_of(pairs: Sequence[DuplicatePair]) -> list[Card]:
    """The pairs as cards. Two statements, however many."""
    ids = {number for pair in pairs for number in (pair.older_id, pair.newer_id)}
    leads = _leads(ids)
    cars = _cars({lead.vehicle_id for rows in leads.values() for lead in rows if lead.vehicle_id})
    return [
        Card(
            pair=pair,
            sides=(_side(pair.older, leads, cars), _side(pair.newer, leads, cars)),
            differs=_differences(pair.older, pair.newer),
            strength=str(STRENGTHS[pair.strength]),
            reasons=[str(REASONS[reason][1]) for reason in pair.reasons if reason in REASONS],
        )
        for pair in pairs
    ]


def _side(person: Person, leads: dict[int, list[Lead]], cars: dict[int, str]) -> Side:
    mine = leads.get(person.id, [])
    names = [cars[lead.vehicle_id] for lead in mine if lead.vehicle_id in cars]
    return Side(
        person, mine[:MOST_LEADS], max(0, len(mine) - MOST_LEADS), list(dict.fromkeys(names))
    )


def _leads(person_ids: set[int]) -> dict[int, list[Lead]]:
    rows = sa.select(Lead).where(Lead.person_id.in_(person_ids)).order_by(Lead.id.desc())
    if (ids := staff().store_ids) is not None:
        rows = rows.where(Lead.store_id.in_(ids))
    leads: dict[int, list[Lead]] = {}
    for lead in db.session.scalars(rows):
        leads.setdefault(lead.person_id, []).append(lead)
    return leads


def _cars(ids: set[Any]) -> dict[int, str]:
    rows = db.session.execute(
        sa.select(Vehicle.id, CarModel.name, Vehicle.model_year)
        .join(CarModel, CarModel.id == Vehicle.car_model_id)
        .where(Vehicle.id.in_(ids))
    )
    return {number: f"{name} {year}" for number, name, year in rows}


def _differences(one: Person, other: Person) -> frozenset[str]:
    """The fields in which both say something, and not the same."""
    pairs = {
        "name": (one.name, other.name, not is_similar(one.name, other.name)),
        "phone": (one.phone, other.phone, phone_key(one.phone) != phone_key(other.phone)),
        "email": (one.email, other.email, email_key(one.email) != email_key(other.email)),
    }
    return frozenset(name for name, (a, b, is_other) in pairs.items() if a and b and is_other)


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Duplicates(
            name=_l("Duplicates"),
            category=groups.LEADS,
            url="/admin/duplicados",
            endpoint="staff_duplicates",
        )
    ]
