"""What the numbers in staff addresses stand for: `/admin/fotos/<int:vehicle_id>/…` and the like.

A screen whose addresses hold more than the id of a vehicle names here how its row is made, by the
first name in the address: `@makes("banner_id")`, or for one screen alone
`@makes("staff_reports", "code")`. The maker is given the store that the row shall
belong to, who will ask for it, and the address; it returns the values of all names in it. Where a
store's people see only their own rows it says `of_store=True`.

The few addresses that need more than an empty post, or that are another case, stand in the tables
below by endpoint.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any, Final

import sqlalchemy as sa

from admin.legal import KINDS
from admin.todo_lists import LISTS
from content.keywords import Keyword
from content.media import MediaItem
from content.models import (
    Document,
    ImageConsent,
    Redirect,
    Revision,
    Testimonial,
    TestimonialInvitation,
)
from core.clock import now, today
from core.db import db, writing
from core.storage import storage
from dealership import devices
from dealership.export_files import ExportFile
from dealership.models import Banner, Store
from dealership.roles import Role
from dealership.roster import Absence
from dealership.sessions import open_sessions, start_session
from dealership.staff import Passkey, StaffInvitation, StaffMember, create_staff
from integrators import accounts
from integrators.api.tokens import Scope, create_token
from integrators.listings.switches import set_switch
from integrators.models import TermMatch
from integrators.outgoing.endpoints import create_endpoint
from integrators.outgoing.models import WebhookDelivery
from inventory.bulk import BulkChange, BulkItem
from inventory.gallery import put_away
from inventory.importing import history
from inventory.importing.history import StockImport
from inventory.models import Photo, PhotoUpload, StateChange
from inventory.saved_filters import SavedFilter
from jobs.queue import enqueue
from landing.starts import STARTS
from leads.capture import Arrival, insert
from leads.cases import open_case
from leads.duplicate_pairs import DuplicatePair, suggest
from leads.intake import Asked as Asked_
from leads.intake import enter
from leads.merging import merge
from leads.message_templates import MessageTemplate
from leads.models import Appointment, Enquiry, Lead
from leads.outreach import entries
from leads.outreach.bases import Basis, note_basis
from leads.outreach.companies import CompanyFacts, find_or_create_company
from leads.outreach.entries import next_facts
from leads.outreach.lists import add_entry
from leads.outreach.models import ContactImport, Delivery, OutreachList, Referral
from leads.people import find_or_create_person
from leads.pipeline.commission_months import CommissionDoubt, add_rule
from leads.pipeline.commissions import Rule
from leads.pipeline.goals import Aim, set_goal
from leads.pipeline.log import record
from leads.pipeline.quality import QualitySample, week_of
from leads.shopper import ShopperRound, new_token
from leads.stop_list import Source, stop
from leads.waiting_line import join
from tests.factories import make_vehicle
from tests.landing.pages import make_page
from tests.push_service import Browser as Subscribed


@dataclass(frozen=True)
class Asked:
    """An address with names in it, and who asks."""

    rule: str
    endpoint: str
    names: tuple[str, ...]
    who: StaffMember


# What a post has to say for the screen to know what is meant, given the store of the row.
FIELDS: Final[dict[str, Callable[[Store], dict[str, str]]]] = {
    "staff_portal_ads.switch_car": lambda _store: {"chave": "never"},
    "staff_stock.move": lambda _store: {"para": "reserved"},
    "staff_pages.take_down": lambda _store: {"confirmado": "1"},
    "staff_banners.new": lambda store: {"loja": str(store.id)},
    "staff_banners.save": lambda store: {"loja": str(store.id)},
    "staff_testimonials.new": lambda store: {"loja": str(store.id)},
    "staff_testimonials.save": lambda store: {"loja": str(store.id)},
    "staff_webhooks.new": lambda store: {
        "loja": str(store.id),
        "nome": "CRM",
        "endereco": "https://crm.example/",
        "eventos": "lead.created",
    },
    "staff_desk_lead.move": lambda _store: {"nota": "Volta às dez"},
    "staff_outreach_entry.tap": lambda _store: {"canal": "whatsapp"},
    "staff_desk_lead.tap": lambda _store: {"canal": "whatsapp"},
    "staff_testimonials.invite": lambda store: {"loja": str(store.id)},
}
# Nothing for people of one store, whatever their role.
OF_ALL_STORES: Final = frozenset(
    {f"staff_stores.{name}" for name in ("new", "create", "close", "reopen", "move_up")}
    | {f"staff_commissions.{name}" for name in ("close", "rules", "add", "end")}
    | {"staff_rules.save", "staff_rules.undo", "staff_quality.save_card"}
    | {"staff_special_rules.add", "staff_special_rules.move"}
    | {f"staff_privacy.{name}" for name in ("case", "confirm", "refuse")}
    | {f"staff_portal_terms.{name}" for name in ("choose", "undo", "read")}
    | {"admin.decide", "staff_legal.*", "staff_identity.*", "staff_shopper.*"}
)
# What is there only after more than a row; walked by the screen's own tests.
NEEDS_MORE: Final[dict[str, str]] = {
    "staff_pages.choose": "a page under test",
    "staff_leads.photo": "a photo that somebody sent",
    "staff_identity.sample": "an identity that is being tried on",
    "staff_identity.sample_style": "an identity that is being tried on",
    "staff_identity.take_back": "an earlier identity",
    "staff_legal.version": "a text that was published",
}
# These end the session that asks.
GOES_OUT: Final = frozenset({"staff_account.end_session", "staff_account.end_all"})
# Addresses that only people with a second factor have.
WITH_SECOND_FACTOR: Final = frozenset({"staff_account.renew_codes"})

Maker = Callable[[Store, Asked], dict[str, Any]]
MAKERS: Final[dict[str, tuple[Maker, bool]]] = {}
_numbers = count(1)


def makes(*name: str, of_store: bool = False) -> Callable[[Maker], Maker]:
    """Register how the row of the first name in an address is made."""

    def register(maker: Maker) -> Maker:
        MAKERS[".".join(name)] = (maker, of_store)
        return maker

    return register


def maker_of(endpoint: str, names: tuple[str, ...]) -> tuple[Maker, bool]:
    """Who makes it, and whether other stores' people get 404; an unknown name stands for a
    vehicle."""
    screen = endpoint.partition(".")[0]
    own = MAKERS.get(f"{screen}.{names[0]}")
    return own or MAKERS.get(names[0]) or MAKERS["vehicle_id"]


def is_of_store(endpoint: str, names: tuple[str, ...]) -> bool:
    """Whether other stores' people get 404 for these rows."""
    return bool(names) and maker_of(endpoint, names)[1]


def make_row(store: Store, asked: Asked) -> dict[str, Any]:
    """Values for the names in the address."""
    if not asked.names:
        return {}
    maker, _of_store = maker_of(asked.endpoint, asked.names)
    return maker(store, asked)


def is_for_all_stores(endpoint: str) -> bool:
    """Whether people of single stores get 404 here, whatever their role."""
    return not OF_ALL_STORES.isdisjoint({endpoint, f"{endpoint.partition('.')[0]}.*"})


def number() -> int:
    """Another one each time."""
    return next(_numbers)


def keep(row: Any) -> Any:
    """Add one row as it is."""
    with writing():
        db.session.add(row)
    return row


@makes("vehicle_id", of_store=True)
def _vehicle(store: Store, asked: Asked) -> dict[str, Any]:
    vehicle = make_vehicle(store=store)
    values: dict[str, Any] = dict.fromkeys(asked.names, vehicle.id)
    if "upload_id" in asked.names:
        key = f"{number():032x}"
        upload = PhotoUpload(
            id=key, vehicle_id=vehicle.id, size_bytes=9, created_by=asked.who.email
        )
        values["upload_id"] = keep(upload).id
    if "removed_id" in asked.names:
        photo_id = _photo(vehicle.id)
        with writing():
            photo = db.session.get_one(Photo, photo_id)
            values["removed_id"] = put_away(photo, by=asked.who.email).id
    if "step_id" in asked.names:
        step = StateChange(
            vehicle_id=vehicle.id, actor="x", from_state="draft", to_state="published"
        )
        values["step_id"] = keep(step).id
    if "photo_id" in asked.names:
        values["photo_id"] = _photo(vehicle.id)
    return values


def _photo(vehicle_id: int) -> int:
    row = Photo(vehicle_id=vehicle_id, state="failed", source_url="https://fotos.example/1.jpg")
    return int(keep(row).id)


@makes("staff_id", of_store=True)
def _staff(store: Store, asked: Asked) -> dict[str, Any]:
    with writing():
        member = create_staff(
            f"colega{number()}@loja.example", Role.SELLER, stores=[db.session.merge(store)]
        )
    return {"staff_id": member.id}


@makes("roster_person", "staff_id", of_store=True)
def _on_the_roster(store: Store, asked: Asked) -> dict[str, Any]:
    values = _staff(store, asked)
    if "absence_id" in asked.names:
        start = now() + timedelta(days=number())
        row = Absence(staff_id=values["staff_id"], starts_at=start, reason="sick", created_by="x")
        row.ends_at = start + timedelta(days=1)
        values["absence_id"] = keep(row).id
    return values


@makes("invitation_id", of_store=True)
def _invitation(store: Store, asked: Asked) -> dict[str, Any]:
    values = {"store_ids": [store.id], "role": "seller", "invited_by": "x@loja.example"}
    mark = f"convite{number()}"
    row = StaffInvitation(email=f"{mark}@loja.example", digest=mark, expires_at=now(), **values)
    return {"invitation_id": keep(row).id}


@makes("passkey_id")
def _passkey(store: Store, asked: Asked) -> dict[str, object]:
    key = Passkey(staff_id=asked.who.id, credential_id=f"device {number()}".encode())
    key.public_key, key.sign_count, key.challenge_ms = b"", 0, 0
    key.is_synced, key.name = False, "Celular"
    with writing():
        db.session.add(key)
    return {"passkey_id": key.id}


@makes("device_id")
def _device(store: Store, asked: Asked) -> dict[str, Any]:
    # A name that leads nowhere (RFC 2606): a walk that tries it out does not leave the machine.
    browser = Subscribed(f"https://push.invalid/{number()}").subscription
    with writing():
        start_session(asked.who)
    session_id = open_sessions(asked.who)[0].id
    with writing():
        here = devices.Browser(session_id, f"{number()}", "Chrome, Android")
        device = devices.add_device(asked.who.id, browser, devices.public_key(), here)
    return {"device_id": device.id}


@makes("session_id")
def _session(store: Store, asked: Asked) -> dict[str, Any]:
    with writing():
        start_session(asked.who)
    return {"session_id": open_sessions(asked.who)[0].id}


@makes("banner_id", of_store=True)
def _banner(store: Store, asked: Asked) -> dict[str, Any]:
    return {"banner_id": keep(Banner(title="Feirão", store_id=store.id)).id}


@makes("store_id", of_store=True)
def _store(store: Store, asked: Asked) -> dict[str, Any]:
    return {"store_id": store.id}


@makes("page_id", of_store=True)
def _page(store: Store, asked: Asked) -> dict[str, Any]:
    return {"page_id": make_page(store_id=store.id).id, "number": 1}


@makes("staff_pages", "key")
def _start(store: Store, asked: Asked) -> dict[str, Any]:
    return {"key": STARTS[0].key}


@makes("filter_id")
def _filter(store: Store, asked: Asked) -> dict[str, Any]:
    row = SavedFilter(staff_id=asked.who.id, name=f"Filtro {number()}", query="q=onix")
    return {"filter_id": keep(row).id}


@makes("bulk_id", of_store=True)
def _bulk(store: Store, asked: Asked) -> dict[str, Any]:
    vehicle = make_vehicle(store=store)
    rule = {"kind": "highlight", "pricing": None, "until": None, "is_off": False}
    rule |= {"store_id": None, "to_state": ""}
    bulk = keep(
        BulkChange(actor=asked.who.email, kind="highlight", rule=rule, state="draft", total=1)
    )
    keep(BulkItem(bulk_id=bulk.id, vehicle_id=vehicle.id))
    return {"bulk_id": bulk.id}


@makes("import_id", of_store=True)
def _import(store: Store, asked: Asked) -> dict[str, Any]:
    data = b"id;marca;modelo\n1;Fiat;Argo\n"
    key = history.keep_file(data)
    row = StockImport(file_name="estoque.csv", file_key=key, size_bytes=len(data), kind="csv")
    is_own = asked.who.serves(store.id)
    row.store_ids, row.created_by = [store.id], asked.who.email if is_own else "x@loja.example"
    number_of = keep(row).id
    storage().put(row.bad_rows_key, b"linha;motivo", content_type="text/csv", public=False)
    return {"import_id": number_of}


@makes("item_id")
def _media(store: Store, asked: Asked) -> dict[str, Any]:
    mark = f"{number():064x}"
    facts = {"stem": mark, "widths": [320], "formats": ["jpg"], "width_px": 320, "height_px": 240}
    row = MediaItem(
        digest=mark, title="Fachada", alt="Fachada", photo=facts, created_by="x@y.example"
    )
    return {"item_id": keep(row).id}


@makes("lead_id", of_store=True)
def _lead(store: Store, asked: Asked) -> dict[str, Any]:
    mark = f"{number()}"
    arrival = Arrival(source="form:contato", idem_key=mark, payload={}, kind="test")
    with writing():
        insert(arrival)
        enquiry = enter(
            Asked_(source="form:contato", kind="contact", name="Ana", phone=f"119{int(mark):08d}",
                   store_id=store.id, is_test=asked.endpoint == "staff_leads.delete_test"),
            arrival.id,
        )  # fmt: skip
    return {"lead_id": enquiry.lead_id, "enquiry_id": enquiry.id, "number": 1}


@makes("goal_id", of_store=True)
def _goal(store: Store, asked: Asked) -> dict[str, Any]:
    day = today()
    with writing():
        return {"goal_id": set_goal(Aim("visits", 9, day, day, store_id=store.id), by="x").id}


@makes("rule_id")
def _rule(store: Store, asked: Asked) -> dict[str, Any]:
    rule = Rule(0, "Visita", "visited", today(), fixed_cents=1, store_id=store.id)
    with writing():
        return {"rule_id": add_rule(rule, by="x").id}


@makes("doubt_id", of_store=True)
def _doubt(store: Store, asked: Asked) -> dict[str, Any]:
    person, lead = _staff(store, asked), _lead(store, asked)
    row = CommissionDoubt(month="2026-01", line_key="earned-1-1-seller", words="Era minha")
    row.staff_id, row.lead_id = person["staff_id"], lead["lead_id"]
    return {"doubt_id": keep(row).id}


@makes("sample_id", of_store=True)
def _sample(store: Store, asked: Asked) -> dict[str, Any]:
    """A judged example: what any colleague of the store may read."""
    person, lead = _staff(store, asked), _lead(store, asked)
    facts = {"week": week_of(today()), "kind": "talk", "place": 1, "of": 3, "total": 50}
    scores = [{"code": "tone", "words": "", "weight": 1, "points": 1}]
    row = QualitySample(**person, lead_id=lead["lead_id"], scores=scores, is_example=True, **facts)
    row.comment, row.scored_by, row.scored_at = "Muito bom", "x@loja.example", now()
    return {"sample_id": keep(row).id}


@makes("staff_desk_lead", "lead_id", of_store=True)
def _lead_of_mine(store: Store, asked: Asked) -> dict[str, Any]:
    """A lead that whoever asks has taken, with a step that they can undo."""
    values = _lead(store, asked)
    with writing():
        lead = db.session.get_one(Lead, values["lead_id"])
        event = record(lead, "claimed", asked.who.email, owner_id=asked.who.id)
    return {**values, "move": "nota", "event_id": event.id}


@makes("visit_id", of_store=True)
def _visit(store: Store, asked: Asked) -> dict[str, Any]:
    """A visit that should have begun a moment ago, of a lead of whoever asks."""
    values = _lead_of_mine(store, asked)
    lead = db.session.get_one(Lead, values["lead_id"])
    mine = sa.select(Enquiry.submission_id).where(Enquiry.lead_id == lead.id).limit(1)
    visit = Appointment(kind="test_drive", store_id=store.id, lead_id=lead.id, minutes=30)
    visit.submission_id = db.session.scalars(mine).one()
    visit.starts_at, visit.seat = now() - timedelta(minutes=20), number()
    return {"visit_id": keep(visit).id}


@makes("place_id", of_store=True)
def _place(store: Store, asked: Asked) -> dict[str, Any]:
    """Somebody in the line for a car that is reserved."""
    car, mark = make_vehicle(store=store, state="reserved"), f"{number()}"
    arrival = Arrival(source="form:fila", idem_key=mark, payload={}, kind="test")
    with writing():
        insert(arrival)
        place = join(car.id, arrival.id, name="Ana", phone=f"+55119{int(mark):08d}", email="",
                     text_digest="")  # fmt: skip
    return {"place_id": place.id}


@makes("staff_privacy", "person_id", of_store=True)
def _person(store: Store, asked: Asked) -> dict[str, Any]:
    return {"person_id": db.session.get_one(Lead, _lead(store, asked)["lead_id"]).person_id}


@makes("case_id")
def _case(_store: Store, _asked: Asked) -> dict[str, Any]:
    with writing():
        return {"case_id": open_case("erasure", f"p{number()}@example.com").id}


@makes("pair_id", of_store=True)
def _pair(store: Store, asked: Asked) -> dict[str, Any]:
    leads = [_lead(store, asked)["lead_id"] for _side in range(2)]
    with writing():
        older, newer = (db.session.get_one(Lead, lead_id).person_id for lead_id in leads)
        return {"pair_id": suggest(older, newer, ["name_and_car"])}


@makes("merge_id", of_store=True)
def _merge(store: Store, asked: Asked) -> dict[str, Any]:
    pair = db.session.get_one(DuplicatePair, _pair(store, asked)["pair_id"])
    with writing():
        return {"merge_id": merge(pair.older, pair.newer, "x@loja.example").id}


@makes("document_id")
def _document(store: Store, asked: Asked) -> dict[str, Any]:
    kind = {"blog": "article", "historias": "story"}.get(asked.rule.split("/")[2], "page")
    slug = f"texto-{number()}"
    row = Document(
        kind=kind, slug=slug, title="Texto", newest=1, created_by="x@y.example", consent=_consent()
    )
    keep(row)
    content: dict[str, Any] = {"title": "Texto", "body": "Olá.", "person": "Rui"}
    keep(Revision(document_id=row.id, number=1, content=content, by="x@y.example"))
    return {"document_id": row.id, "number": 1}


def _consent() -> ImageConsent:
    return ImageConsent(person="Rui", wording="Autorizo.", version="1", channel="paper")


@makes("staff_stop_list", "entry_id")
def _stop(_store: Store, asked: Asked) -> dict[str, Any]:
    with writing():
        entry = stop("11987654321", source=Source.STAFF, actor=asked.who.email, reason="by_phone")
    return {"entry_id": entry.id}


@makes("testimonial_id", of_store=True)
def _testimonial(store: Store, asked: Asked) -> dict[str, Any]:
    facts = {"text": "Gostei.", "name": "Rui", "month": "2026-09", "created_by": "x@y.example"}
    row = Testimonial(store_id=store.id, consent=_consent(), **facts)
    return {"testimonial_id": keep(row).id}


@makes("asked_id", of_store=True)
def _testimonial_invitation(store: Store, asked: Asked) -> dict[str, Any]:
    facts = {"email": "rui@example.com", "invited_by": "x@y.example", "expires_at": now()}
    row = TestimonialInvitation(digest=f"{number():064x}", store_id=store.id, **facts)
    return {"asked_id": keep(row).id}


@makes("account_id", of_store=True)
def _portal_account(store: Store, asked: Asked) -> dict[str, Any]:
    with writing():
        row, _token = accounts.register("generic", f"Conta {number()}", {}, store_id=store.id)
    return {"account_id": row.id}


@makes("match_id")
def _term_match(store: Store, asked: Asked) -> dict[str, Any]:
    row = TermMatch(portal="webmotors", list="make", ours=f"marca-{number()}", code="1")
    return {"match_id": keep(row).id}


@makes("staff_portal_rules", "account_id", of_store=True)
@makes("staff_portal_ads", "account_id", of_store=True)
def _advertising_account(store: Store, asked: Asked) -> dict[str, Any]:
    vehicle = make_vehicle(store=store)
    with writing():
        row, _token = accounts.register("olx", f"Conta {number()}", {}, store_id=store.id)
        set_switch(row, [vehicle.id], "always")
    return {"account_id": row.id, "vehicle_id": vehicle.id}


@makes("staff_portals", "kind")
def _portal_kind(store: Store, asked: Asked) -> dict[str, Any]:
    return {"kind": "generic"}


@makes("endpoint_id", of_store=True)
def _webhook(store: Store, asked: Asked) -> dict[str, Any]:
    kinds = ("lead.created",)
    with writing():
        row, _secret = create_endpoint(
            f"CRM {number()}", "https://crm.example/", kinds, by="x@y.example", store_id=store.id
        )
    sent = WebhookDelivery(
        endpoint_id=row.id, event="lead:1", message_id=f"msg_{row.id}", kind="lead.created"
    )
    sent.at, sent.state, sent.payload = now(), "sent", {"lead_id": 1}
    return {"endpoint_id": row.id, "delivery_id": keep(sent).id}


@makes("token_id", of_store=True)
def _api_token(store: Store, asked: Asked) -> dict[str, Any]:
    staff_id = _staff(store, asked)["staff_id"]
    with writing():
        member = db.session.get_one(StaffMember, staff_id)
        row, _key = create_token(member, [Scope.READ_VEHICLES], by="command")
    return {"token_id": row.id}


@makes("file_id")
def _export_file(store: Store, asked: Asked) -> dict[str, Any]:
    key = f"{number():032x}"
    storage().put(f"exports/{key}", b"id", content_type="text/csv", public=False)
    row = ExportFile(
        id=key, kind="stock", created_by=asked.who.email, state="ready", file_name="estoque.csv",
        file_key=f"exports/{key}", expires_at=now() + timedelta(days=1),
        options={"format": "csv"},
    )  # fmt: skip
    return {"file_id": keep(row).id}


@makes("place")
def _menu_place(store: Store, asked: Asked) -> dict[str, Any]:
    return {"place": "head"}


@makes("redirect_id")
def _redirect(store: Store, asked: Asked) -> dict[str, Any]:
    path = f"/velho-{number()}"
    row = Redirect(from_path=path, to_path="/estoque", created_by="x@y.example")
    return {"redirect_id": keep(row).id}


@makes("job_id")
def _job(store: Store, asked: Asked) -> dict[str, Any]:
    with writing():
        job = enqueue("purge_done_jobs")
    assert job
    return {"job_id": job.id, "act": "descartar"}


@makes("admin", "code")
def _todo(store: Store, asked: Asked) -> dict[str, Any]:
    open_to_all = [code for code, one in LISTS.items() if not one.is_over_all]
    theirs = [code for code in open_to_all if asked.who.may(LISTS[code].permission)]
    return {"code": theirs[0] if theirs else "nada"}


@makes("staff_reports", "code")
def _report(store: Store, asked: Asked) -> dict[str, Any]:
    return {"code": "leads", "key": "origem"}


@makes("list_id", of_store=True)
def _outreach_list(store: Store, asked: Asked) -> dict[str, Any]:
    row = OutreachList(name=f"Lista {number()}", kind="dreams", store_id=store.id)
    row.owner_id = asked.who.id
    return {"list_id": keep(row).id}


@makes("staff_outreach_entry", "entry_id", of_store=True)
def _outreach_entry(store: Store, asked: Asked) -> dict[str, Any]:
    list_id = _outreach_list(store, asked)["list_id"]
    mark = number()
    with writing():
        person = find_or_create_person(name="Ana", phone=f"+55119{60_000_000 + mark}")
        company, _is_new = find_or_create_company(CompanyFacts(f"Empresa {mark}"))
        row = db.session.get_one(OutreachList, list_id)
        first = next_facts("Ligar", today())
        entry = add_entry(row, first, by=asked.who.email, company=company, person=person)
        note_basis(person, Basis("contract", "Oficina", "Revisão"), by="x@y.example")
        event = entries.record(entry, "talked", asked.who.email, words="Quer dez carros")
    return {"entry_id": entry.id, "event_id": event.id}


@makes("contacts_id", of_store=True)
def _contacts(store: Store, asked: Asked) -> dict[str, Any]:
    data = b"nome;telefone\nAna;11987654321\n"
    is_own = asked.who.serves(store.id)
    row = ContactImport(
        file_name="clientes.csv", file_key=history.keep_file(data), size_bytes=len(data),
        created_by=asked.who.email if is_own else "x@loja.example", basis="contract",
    )  # fmt: skip
    contacts_id = keep(row).id
    storage().put(row.bad_rows_key, b"linha;motivo", content_type="text/csv", public=False)
    return {"contacts_id": contacts_id}


@makes("delivery_id", of_store=True)
def _delivery(store: Store, asked: Asked) -> dict[str, Any]:
    lead_id, friend = (_lead(store, asked)["lead_id"] for _side in range(2))
    with writing():
        lead, other = db.session.get_one(Lead, lead_id), db.session.get_one(Lead, friend)
        record(lead, "claimed", asked.who.email, owner_id=asked.who.id)
        record(lead, "won", asked.who.email)
        delivery = db.session.scalars(sa.select(Delivery).where(Delivery.lead_id == lead_id)).one()
        named = Referral(referrer_id=lead.person_id, referred_id=other.person_id)
        named.delivery_id, named.lead_id = delivery.id, friend
        named.consent, named.by = "Sim", "x@y.example"
        db.session.add(named)
        db.session.flush()
    values = {"delivery_id": delivery.id, "referral_id": named.id}
    return {**values, "catch_up_id": delivery.catch_ups[0].id}


@makes("round_id")
def _round(_store: Store, _asked: Asked) -> dict[str, Any]:
    row = ShopperRound(door="form:oferta", slot=str(number()), token=new_token(),
                       source="form:oferta", state="answered", is_human=True)  # fmt: skip
    return {"round_id": keep(row).id}


@makes("template_id")
def _message_template(store: Store, asked: Asked) -> dict[str, Any]:
    row = MessageTemplate(name="Oi", channel="mail", situation="no_answer", subject="a", body="b")
    return {"template_id": keep(row).id}


@makes("keyword_id")
def _keyword(store: Store, asked: Asked) -> dict[str, Any]:
    mark = f"onix {number()}"
    row = Keyword(text=mark, folded=mark)
    return {"keyword_id": keep(row).id}


@makes("slug")
def _legal(store: Store, asked: Asked) -> dict[str, Any]:
    return {"slug": next(iter(KINDS)), "number": 1}
