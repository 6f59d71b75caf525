"""`/admin/leads/`: who wrote, about what, from where. Reading only, until the desk comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from flask import Response, abort, redirect, request
from flask_babel import format_datetime, format_timedelta
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response as AnyResponse

from admin import groups
from admin.desk.rows import car_names, first_kinds
from admin.door import StaffView, at, changing, done, found, local_path, staff
from admin.lead_page import page_of
from admin.lists import Listing
from admin.stock_scope import own_stores, store_name
from admin.stop_words import STOP_WORDS
from core.clock import DEFAULT_ZONE, now
from core.db import db, writing
from dealership import audit
from dealership.models import Store
from dealership.roles import Permission
from leads.clearing import clear_suspicion, delete_test
from leads.inbox import VIEW, LeadFilter, read_lead_filter, select_leads, to_query, within
from leads.models import Enquiry, Lead
from leads.notifications import kind_label
from leads.photos import read_photo
from leads.reach import ways_to_each
from leads.reception import network
from leads.shopper import hidden_among, is_known_test
from leads.words import DEPARTMENTS, STATES, department_label, source_label, state_label

LIST: Final = "/admin/leads/"
SEEN_AGAIN_MINUTES: Final = 10  # a page read twice in a row is one access
PHOTO_POLICY: Final = "default-src 'none'; sandbox"

log = structlog.get_logger("vitrine.leads")


@dataclass(frozen=True)
class LeadRow:
    """One lead of the list."""

    lead: Lead
    kind: str  # what the first enquiry wanted
    car: str
    store: str
    when: str
    ago: str
    is_test: bool

    @property
    def source(self) -> str:
        return source_label(self.lead.source)

    @property
    def state(self) -> str:
        return state_label(self.lead.state)


class Leads(StaffView):
    """The list of leads, one lead, and the tray of suspicious ones."""

    icon = "people"

    @at("/", Permission.SEE_LEADS)
    def index(self) -> str:
        """The leads that the address asks for."""
        wanted = read_lead_filter(request.args)
        stores = own_stores(wanted.store)
        chosen = select_leads(wanted, store_ids=staff().store_ids, stores=stores)
        listing = Listing(
            sa.select(Lead).where(chosen),
            {"chegada": Lead.created_at, "mudou": Lead.updated_at},
            default="-chegada",
            tie=Lead.id.desc(),
            loads=[joinedload(Lead.person)],
        )
        return str(
            self.render(
                "admin/leads.html",
                wanted=wanted,
                query=to_query(wanted),
                listing=listing,
                rows=_rows(listing.rows, own_stores(closed_too=True)),
                ways=ways_to_each([lead.person for lead in listing.rows]),
                stores=stores,
                store_name=store_name,
                states=STATES,
                departments=DEPARTMENTS,
                sources=_sources(),
                suspects=_suspects(),
            )
        )

    @at("/<int:lead_id>/", Permission.SEE_LEADS)
    def show(self, lead_id: int) -> str:
        """One lead and everything about it. Reading it is noted."""
        own_lead(lead_id)
        note_view(lead_id)
        lead = own_lead(lead_id)
        # `combinado`: the person named this time themselves, so no calling hours apply.
        page = page_of(lead, is_agreed=request.args.get("combinado") == "1")
        return str(
            self.render(
                "admin/leads_one.html",
                title=lead_title(lead),
                lead=lead,
                is_test=is_known_test(lead),
                page=page,
                stop_words=STOP_WORDS,
                state=state_label(lead.state),
                department=department_label(lead.department),
            )
        )

    @at("/<int:lead_id>/foto/<int:enquiry_id>/<int:number>", Permission.SEE_LEADS)
    def photo(self, lead_id: int, enquiry_id: int, number: int) -> Response:
        """A photo that somebody sent of their own car: private, drawn anew by us."""
        own_lead(lead_id)
        enquiry = db.session.get(Enquiry, enquiry_id)
        if enquiry is None or enquiry.lead_id != lead_id:
            abort(404)
        picture = read_photo(enquiry, number)
        if picture is None:
            abort(404)
        response = Response(picture, mimetype="image/jpeg")
        response.headers["Content-Security-Policy"] = PHOTO_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Disposition"] = "inline"
        return response

    @at("/<int:lead_id>/apagar-teste", Permission.WORK_LEADS, methods=("POST",))
    def delete_test(self, lead_id: int) -> AnyResponse:
        """A test lead has done its work."""
        lead = own_lead(lead_id)
        if not is_known_test(lead):
            abort(404)
        with changing("lead.delete_test", f"lead:{lead_id}", store_id=lead.store_id):
            delete_test(lead)
        done(_("The test lead was deleted."))
        return redirect(LIST, code=303)

    @at("/<int:lead_id>/nao-e-robo", Permission.WORK_LEADS, methods=("POST",))
    def clear(self, lead_id: int) -> AnyResponse:
        """A person wrote this, not a machine."""
        lead = own_lead(lead_id)
        with changing("lead.clear", f"lead:{lead.id}", store_id=lead.store_id) as change:
            is_news = clear_suspicion(lead, by=staff().email)
            change.before, change.after = {"is_suspect": is_news}, {"is_suspect": False}
        done(_("This lead now stands among the others."))
        back = local_path(request.form.get("volta"), f"{LIST}{lead_id}/")
        return redirect(back, code=303)


def own_lead(lead_id: int) -> Lead:
    """The lead with that id, or 404. One without a store is for people of all stores only."""
    lead: Lead = found(db.session.get(Lead, lead_id))
    if not staff().serves(lead.store_id):
        abort(404)
    return lead


def lead_title(lead: Lead) -> str:
    """How a lead is called: its person's name, else its number."""
    return lead.person.name or _("Lead %(n)s", n=lead.id)


def told_at(moment: Any, zone: str = "") -> str:
    """An instant as the store's clock shows it."""
    where = ZoneInfo(zone) if zone else DEFAULT_ZONE
    return str(format_datetime(moment.astimezone(where), "dd/MM HH:mm", rebase=False))


def note_view(lead_id: int) -> None:
    """Keep that this person read that lead: who saw whose data can be told (LGPD art. 37)."""
    me, subject = staff(), f"lead:{lead_id}"
    entry = audit.AuditEntry
    newest = db.session.scalar(
        sa.select(sa.func.max(entry.at, type_=entry.at.type)).where(
            entry.subject == subject, entry.action == VIEW, entry.actor == me.email
        )
    )
    if newest and (now() - newest).total_seconds() < SEEN_AGAIN_MINUTES * 60:
        return
    email, place = me.email, network(request.remote_addr or "")
    try:
        with writing(wait_seconds=1):
            audit.record(email, VIEW, subject, network=place)
    except OperationalError:
        db.session.rollback()  # busy: whoever serves a customer is not kept from reading
        log.error("lead_view_not_in_audit", lead_id=lead_id, staff_id=me.id)


def _rows(leads: Sequence[Lead], stores: Sequence[Store]) -> list[LeadRow]:
    """The rows for `leads`: two statements more."""
    by_id = {store.id: store for store in stores}
    cars = car_names({lead.vehicle_id for lead in leads if lead.vehicle_id})
    kinds = first_kinds([lead.id for lead in leads])
    hidden = hidden_among([lead.id for lead in leads if lead.is_test])
    moment = now()
    return [
        LeadRow(
            lead=lead,
            kind=kind_label(kinds.get(lead.id, "")),
            car=cars.get(lead.vehicle_id or 0, ""),
            store=store_name(by_id[lead.store_id]) if lead.store_id in by_id else "",
            when=told_at(
                lead.created_at, by_id[lead.store_id].zone if lead.store_id in by_id else ""
            ),
            ago=format_timedelta(lead.created_at - moment, add_direction=True, threshold=0.99),
            is_test=lead.is_test and lead.id not in hidden,
        )
        for lead in leads
    ]


def _sources() -> list[tuple[str, str]]:
    """The sources that there are, by name."""
    chosen = sa.select(Lead.source).where(within(Lead.store_id, staff().store_ids)).distinct()
    return sorted(
        ((one, source_label(one)) for one in db.session.scalars(chosen)), key=lambda pair: pair[1]
    )


def _suspects() -> int:
    waiting = select_leads(LeadFilter(suspect=True), store_ids=staff().store_ids)
    return db.session.scalar(sa.select(sa.func.count()).select_from(Lead).where(waiting)) or 0


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Leads(name=_l("Leads"), category=groups.LEADS, url="/admin/leads", endpoint="staff_leads")
    ]
