"""`/admin/carteiras/`: whom we turn to. Everybody works their own lists, supervisors those of their
stores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import abort, redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, found, may, staff
from admin.lists import Listing
from admin.outreach.table import as_csv
from admin.outreach.words import KIND_HINTS, KINDS, STAGES, choice, entry_name, read_day
from admin.stock_scope import own_stores
from core.clock import now, today
from core.db import db
from core.errors import DomainError
from core.text import NotPhone, clean_line, parse_phone, row_number
from dealership.editing import SettingRefused, read_email
from dealership.roles import Permission
from dealership.staff import StaffMember
from leads.models import Person
from leads.outreach import lists as noun
from leads.outreach.bases import BASES, Basis, checked, note_basis
from leads.outreach.companies import CATEGORIES, CompanyFacts, find_or_create_company
from leads.outreach.entries import EntryRefused, next_facts
from leads.outreach.lists import CAPS, LIVE, AlreadyListed, Kind, ListRefused, Summary
from leads.outreach.models import OutreachEntry, OutreachList
from leads.outreach.stages import ORDER, weighted_cents
from leads.people import PersonTaken, find_or_create_person

HERE: Final = "/admin/carteiras/"
WORK: Final = Permission.WORK_LEADS
SUPERVISE: Final = Permission.SUPERVISE_LEADS
IN_A_COLUMN: Final = 12
FIRST_STEP_DAYS: Final = 7
LOADS: Final = (joinedload(OutreachEntry.company), joinedload(OutreachEntry.person))


@dataclass(frozen=True)
class Column:
    """A stage of the board: its first entries, and how many there are."""

    stage: str
    name: str
    count: int
    rows: Sequence[OutreachEntry]
    path: str


class Lists(StaffView):
    """Lists of whom we turn to."""

    icon = "flag"

    @at("/", WORK)
    def index(self) -> str:
        """One's own lists, or those of one's stores."""
        me = staff()
        shown = noun.lists_for(me.id, me.store_ids, sees_all=may(SUPERVISE))
        numbers = noun.summaries([one.id for one in shown])
        return str(
            self.render(
                "admin/outreach.html",
                lists=[(one, numbers[one.id]) for one in shown],
                kinds=KINDS,
                stages=STAGES,
                caps=CAPS,
                may_import=may(SUPERVISE),
                many_stores=len({one.store_id for one in shown}) > 1,
                today=today(),
            )
        )

    @at("/nova", WORK)
    def new(self) -> str:
        """The form of a new list."""
        return self._form({"tipo": request.args.get("tipo", "")})

    @at("/nova", WORK, methods=("POST",))
    def create(self) -> Response | tuple[str, int]:
        """A new list: one's own, or with a supervisor's choice somebody's."""
        form = request.form
        try:
            store = next((one for one in own_stores() if str(one.id) == form.get("loja")), None)
            if store is None:
                raise ListRefused(_("Choose the store."))
            owner = _owner(form.get("de"), store.id) if may(SUPERVISE) else staff().id
            with changing("list.create", store_id=store.id) as change:
                row = noun.make_list(
                    form.get("nome", ""), form.get("tipo", ""), store_id=store.id,
                    owner_id=owner, by=staff().email,
                )  # fmt: skip
                change.subject, change.label = f"list:{row.id}", row.name
                new_id = row.id
        except ListRefused as refusal:
            return self._form(form, str(refusal)), 422
        done(_("The list is there. Now put somebody on it."))
        return redirect(f"{HERE}{new_id}/", code=303)

    @at("/<int:list_id>/", WORK)
    def show(self, list_id: int) -> str:
        """The list as a board, or with `etapa` one stage of it as a list."""
        row = own_list(list_id)
        summary = noun.summaries([row.id])[row.id]
        stage = choice(STAGES, request.args.get("etapa"))
        common: dict[str, Any] = {
            "row": row,
            "summary": summary,
            "stages": STAGES,
            "kinds": KINDS,
            "cap": CAPS[Kind(row.kind)],
            "named": entry_name,
            "today": today(),
            "weighted": weighted_cents,
        }
        if stage:
            listing = Listing(
                sa.select(OutreachEntry).where(
                    OutreachEntry.list_id == row.id, LIVE, OutreachEntry.stage == stage
                ),
                {"quando": OutreachEntry.next_on},
                default="quando",
                tie=OutreachEntry.id,
                loads=LOADS,
            )
            return str(
                self.render("admin/outreach_stage.html", stage=stage, listing=listing, **common)
            )
        return str(
            self.render(
                "admin/outreach_list.html",
                columns=_columns(row, summary),
                colleagues=_colleagues(row.store_id) if may(SUPERVISE) else [],
                can_export=may(Permission.EXPORT_LEADS),
                can_edit=True,
                round_until=(today() + timedelta(days=14)).isoformat(),
                **common,
            )
        )

    @at("/<int:list_id>/editar", WORK, methods=("POST",))
    def edit(self, list_id: int) -> Response:
        """Another name; a supervisor gives it to somebody else."""
        row, form = own_list(list_id), request.form
        try:
            owner = _owner(form.get("de"), row.store_id) if may(SUPERVISE) else row.owner_id
            with changing("list.change", f"list:{list_id}", store_id=row.store_id) as change:
                change.before = {"name": row.name, "owner": row.owner_id}
                noun.rename(row, form.get("nome", ""), owner)
                change.after = {"name": row.name, "owner": row.owner_id}
        except ListRefused as refusal:
            return answer(refusal, f"{HERE}{list_id}/")
        done(_("Saved."))
        return redirect(f"{HERE}{list_id}/", code=303)

    @at("/<int:list_id>/arquivar", WORK, methods=("POST",))
    def archive(self, list_id: int) -> Response:
        """Put the list away, or with `voltar` back; a second click changes nothing."""
        row = own_list(list_id)
        with changing("list.archive", f"list:{list_id}", label=row.name, store_id=row.store_id):
            is_back = request.values.get("voltar") == "1"
            row.archived_at = None if is_back else row.archived_at or now()
        done(
            _("The list is archived.") if row.archived_at else _("The list is back."),
            undo=f"{HERE}{list_id}/arquivar" + ("" if is_back else "?voltar=1"),
        )
        return redirect(HERE if row.archived_at else f"{HERE}{list_id}/", code=303)

    @at("/<int:list_id>/rodada", WORK, methods=("POST",))
    def start_round(self, list_id: int) -> Response:
        """The next pass over the list."""
        row = own_list(list_id)
        try:
            with changing("list.round", f"list:{list_id}", label=row.name, store_id=row.store_id):
                found_round = noun.start_round(row, read_day(request.form.get("ate")))
                number = found_round.number
        except ListRefused as refusal:
            return answer(refusal, f"{HERE}{list_id}/")
        done(_("Round %(n)s has begun.", n=number))
        return redirect(f"{HERE}{list_id}/", code=303)

    @at("/<int:list_id>/rodada/encerrar", WORK, methods=("POST",))
    def end_round(self, list_id: int) -> Response:
        """The round is over, whoever had no turn."""
        row = own_list(list_id)
        with changing("list.round_end", f"list:{list_id}", label=row.name, store_id=row.store_id):
            noun.end_round(row)
        done(_("The round has ended."))
        return redirect(f"{HERE}{list_id}/", code=303)

    @at("/<int:list_id>/proxima", WORK)
    def next_one(self, list_id: int) -> Response:
        """To whoever comes next: in the round that runs, else by the day of the next step."""
        row = own_list(list_id)
        entry_id = _next_entry(row)
        if entry_id is None:
            done(_("Everybody had their turn. Well done!"))
            return redirect(f"{HERE}{list_id}/", code=303)
        return redirect(f"{HERE}entrada/{entry_id}/", code=303)

    @at("/<int:list_id>/adicionar", WORK)
    def add_form(self, list_id: int) -> str:
        """The form of a new entry."""
        return self._add_page(own_list(list_id), {})

    @at("/<int:list_id>/adicionar", WORK, methods=("POST",))
    def add(self, list_id: int) -> Response | tuple[str, int]:
        """A company or a person onto the list."""
        row, form = own_list(list_id), request.form
        try:
            facts = next_facts(form.get("proximo", ""), read_day(form.get("quando")))
            with changing("list.add", f"list:{list_id}", store_id=row.store_id) as change:
                entry = _added(row, form, facts)
                change.after = {"entry": entry.id}
                entry_id = entry.id
        except AlreadyListed as there:
            done(str(there))
            return redirect(f"{HERE}entrada/{there.entry_id}/", code=303)
        except DomainError as refusal:
            return self._add_page(own_list(list_id), form, str(refusal)), 422
        done(_("On the list."))
        return redirect(f"{HERE}entrada/{entry_id}/", code=303)

    @at("/<int:list_id>/lista.csv", Permission.EXPORT_LEADS, methods=("POST",))
    def export(self, list_id: int) -> Response:
        """The list for a spreadsheet. Who takes contacts away is told, so it is a POST."""
        row = own_list(list_id)
        entries = db.session.scalars(
            sa.select(OutreachEntry)
            .where(OutreachEntry.list_id == row.id, LIVE)
            .options(*LOADS)
            .order_by(OutreachEntry.id)
        ).all()
        text = as_csv(entries)
        with changing("list.export", f"list:{list_id}", label=row.name, store_id=row.store_id):
            pass
        headers = {"Content-Disposition": f'attachment; filename="carteira-{list_id}.csv"'}
        return Response(
            text.encode("utf-8-sig"),
            content_type="text/csv; charset=utf-8",
            headers=headers,
        )

    def _form(self, typed: Mapping[str, str], problem: str = "") -> str:
        stores = own_stores()
        return str(
            self.render(
                "admin/outreach_new.html", typed=typed, problem=problem, kinds=KINDS,
                hints=KIND_HINTS, stores=stores,
                colleagues=_colleagues(None) if may(SUPERVISE) else [],
            )
        )  # fmt: skip

    def _add_page(self, row: OutreachList, typed: Mapping[str, str], problem: str = "") -> str:
        return str(
            self.render(
                "admin/outreach_add.html", row=row, typed=typed, problem=problem,
                categories=CATEGORIES, bases=BASES, kinds=KINDS,
                is_of_companies=row.kind == Kind.ACCOUNTS,
                first_day=(today() + timedelta(days=FIRST_STEP_DAYS)).isoformat(),
            )
        )  # fmt: skip


def own_list(list_id: int) -> OutreachList:
    """The list with that id, or 404 when it is neither one's own nor of a store one supervises."""
    row: OutreachList = found(db.session.get(OutreachList, list_id))
    is_mine = row.owner_id == staff().id and staff().serves(row.store_id)
    if not is_mine and not may(SUPERVISE, row.store_id):
        abort(404)
    return row


def _colleagues(store_id: int | None) -> list[StaffMember]:
    """Who can work a list of that store (None: of any that one serves)."""
    mine = staff().store_ids
    people = db.session.scalars(
        sa.select(StaffMember)
        .where(StaffMember.active)
        .options(sa.orm.selectinload(StaffMember.stores))
        .order_by(StaffMember.name, StaffMember.id)
    ).unique()
    stores = [store_id] if store_id is not None else list(mine or [])
    return [
        one
        for one in people
        if any(one.may(WORK, store) for store in stores) or (not stores and one.may(WORK))
    ]


def _owner(text: str | None, store_id: int) -> int:
    number = row_number(text or "")
    able = {one.id for one in _colleagues(store_id)}
    if number not in able:
        raise ListRefused(_("Choose whose list it is: somebody who works in that store."))
    return int(number or 0)


def _columns(row: OutreachList, summary: Summary) -> list[Column]:
    """The first entries of every stage, in one statement."""
    place = sa.func.row_number().over(
        partition_by=OutreachEntry.stage, order_by=(OutreachEntry.next_on, OutreachEntry.id)
    )
    ranked = (
        sa.select(OutreachEntry.id, place.label("place"))
        .where(OutreachEntry.list_id == row.id, LIVE)
        .subquery()
    )
    entries = db.session.scalars(
        sa.select(OutreachEntry)
        .join(ranked, ranked.c.id == OutreachEntry.id)
        .where(ranked.c.place <= IN_A_COLUMN)
        .options(*LOADS)
        .order_by(OutreachEntry.next_on, OutreachEntry.id)
    ).all()
    return [
        Column(
            stage.value, str(STAGES[stage]), summary.by_stage.get(stage, 0),
            [one for one in entries if one.stage == stage], f"{HERE}{row.id}/?etapa={stage}",
        )
        for stage in ORDER
    ]  # fmt: skip


def _next_entry(row: OutreachList) -> int | None:
    running = noun.live_round(row.id)
    wanted = sa.select(OutreachEntry.id).where(OutreachEntry.list_id == row.id, LIVE)
    if running is not None:
        wanted = wanted.where(~noun.had_turn(running.id))
    else:
        wanted = wanted.where(OutreachEntry.next_on <= today())
    return db.session.scalar(wanted.order_by(OutreachEntry.next_on, OutreachEntry.id).limit(1))


def _added(row: OutreachList, form: Mapping[str, str], facts: dict[str, str]) -> OutreachEntry:
    """Inside `writing()`. Raises DomainError."""
    company = None
    if form.get("empresa", "").strip() or form.get("cnpj", "").strip():
        company, _is_new = find_or_create_company(typed_company(form))
    person = typed_person(form)
    if company is None and person is None:
        raise EntryRefused(_("Type a company, or a person with a phone or an e-mail."))
    return noun.add_entry(row, facts, by=staff().email, company=company, person=person)


def typed_company(form: Mapping[str, str]) -> CompanyFacts:
    """The company of a form."""
    return CompanyFacts(
        form.get("empresa", ""),
        form.get("cnpj", ""),
        form.get("categoria", ""),
        form.get("cidade", ""),
        row_number(form.get("frota", "").strip()),
    )


def typed_person(form: Mapping[str, str]) -> Person | None:
    """The person of a form with the basis on which we hold them; None without a phone and an
    e-mail. Inside `writing()`. Raises DomainError."""
    person = None
    phone, email = _contact(form)
    if phone or email:
        basis = checked(
            Basis(
                form.get("base", ""), form.get("origem", ""), form.get("prova", ""),
                read_day(form.get("desde")),
            )
        )  # fmt: skip
        name = clean_line(form.get("nome", ""), 120)
        try:
            person = find_or_create_person(name=name, phone=phone, email=email)
        except PersonTaken:
            raise EntryRefused(
                _("A colleague typed the same person just now. Try again.")
            ) from None
        note_basis(person, basis, by=staff().email)
    return person


def _contact(form: Mapping[str, str]) -> tuple[str, str]:
    phone, email = form.get("telefone", "").strip(), form.get("email", "").strip()
    try:
        return parse_phone(phone) if phone else "", read_email(email) if email else ""
    except (NotPhone, SettingRefused) as refusal:
        raise EntryRefused(str(refusal)) from None


def views() -> Sequence[StaffView]:
    return [
        Lists(
            name=_l("Lists"), category=groups.LEADS, url="/admin/carteiras",
            endpoint="staff_outreach",
        )
    ]  # fmt: skip
