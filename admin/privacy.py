"""`/admin/privacidade/`: what people ask under the LGPD; one person's data, to hand out or erase.

Cases come by the site (`leads.cases`) and stay with who serves every store. A person's own page
serves who asked at the counter: all that is held in one file, or gone for good, in one action, with
a reason that the audit log keeps.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import NO_STORE, StaffView, answer, at, changing, done, found, is_sure, staff
from core.clock import now
from core.config import current
from core.db import db
from core.errors import DomainError
from dealership.roles import Permission
from leads import cases, privacy
from leads.finding import people_named
from leads.models import Lead, Person, SubjectRequest

HERE: Final = "/admin/privacidade/"
MOST: Final = 20  # people found
ENDED: Final = 50  # cases of the past on the page
KINDS: Final = {
    "access": _l("wants to see the data"),
    "correction": _l("wants the data corrected"),
    "erasure": _l("wants the data erased"),
    "revocation": _l("takes consent back"),
}
STATES: Final = {
    "open": _l("Waits for an answer"),
    "done": _l("Answered"),
    "refused": _l("Closed without an answer"),
}
# Why somebody's data is handed out or erased; the codes stand in the audit log.
REASONS: Final = {
    "at_counter": _l("They asked at the store and showed a document"),
    "by_phone": _l("They asked, and confirmed on the number we hold"),
    "by_mail": _l("They asked from the e-mail we hold"),
    "by_authority": _l("A court or the ANPD asked"),
}
# The sections of a dossier, as staff read them.
SECTIONS: Final = {
    "enquiries": _l("Enquiries"),
    "requests_in_progress": _l("Leads"),
    "appointments": _l("Visits"),
    "consents": _l("Consents"),
    "subscriptions": _l("Alerts and newsletters"),
    "lines": _l("Waiting lines"),
    "mails": _l("Mails"),
    "clicks": _l("Taps on WhatsApp and phone"),
    "submissions": _l("Forms as they were sent"),
    "on_the_way": _l("Forms on the way"),
    "jobs": _l("Background tasks"),
    "stop_list": _l("Entries of the stop list"),
    "contact_bases": _l("Legal bases for contact"),
    "lists": _l("Contact lists"),
    "catch_ups": _l("Catch-ups"),
    "referrals": _l("Referrals"),
    "testimonials": _l("Testimonials"),
    "cases": _l("Privacy requests"),
}
_UNCOUNTED: Final = frozenset({"came_from", "purposes"})  # about us, not about the person


class NoReason(DomainError):
    """Nobody said why the data is handed out or erased."""


class Privacy(StaffView):
    """Cases under the LGPD, and the data of one person."""

    icon = "scales"

    @at("/", Permission.ANSWER_PRIVACY)
    def index(self) -> str:
        """The open cases, the most urgent first, and those of late."""
        return self._page()

    @at("/procurar", Permission.ANSWER_PRIVACY, methods=("POST",))
    def look_up(self) -> str:
        """Who is meant: a name, a phone or an e-mail; posted, so that no address keeps it."""
        typed = request.form.get("quem", "").strip()[:254]
        ids = people_named(typed, store_ids=staff().store_ids, limit=MOST) if typed else []
        known = {
            one.id: one for one in db.session.scalars(sa.select(Person).where(Person.id.in_(ids)))
        }
        return self._page(typed=typed, people=[known[number] for number in ids])

    @at("/caso/<int:case_id>/", Permission.ANSWER_PRIVACY)
    def case(self, case_id: int) -> str:
        """One case: whom to call, and while it is open the address of the person's room."""
        case = _own_case(case_id)
        person = privacy.find_by_contact(case.contact)
        room = current().base_url + cases.path_of(case) if cases.room_until(case) else ""
        return str(
            self.render(
                "admin/privacy_case.html", case=case, person=person, room=room,
                kind=KINDS.get(case.kind, case.kind), state=STATES.get(case.state, case.state),
            )
        )  # fmt: skip

    @at("/caso/<int:case_id>/confirmar", Permission.ANSWER_PRIVACY, methods=("POST",))
    def confirm(self, case_id: int) -> Response:
        """Staff called the number we hold: the room opens for the person."""
        here = f"{HERE}caso/{case_id}/"
        _own_case(case_id)
        try:
            with changing("privacy.confirm", f"case:{case_id}"):
                cases.confirm_by_staff(cases.case_of(case_id))
        except DomainError as refusal:
            return answer(refusal, here)
        done(_("The person's room is open. Send its address only to the number we hold."))
        return redirect(here, code=303)

    @at("/caso/<int:case_id>/recusar", Permission.ANSWER_PRIVACY, methods=("POST",))
    def refuse(self, case_id: int) -> Response:
        """Nobody could be confirmed."""
        _own_case(case_id)
        with changing("privacy.refuse", f"case:{case_id}"):
            cases.close_case(cases.case_of(case_id), "refused")
        done(_("The case is closed without an answer."))
        return redirect(HERE, code=303)

    @at("/pessoa/<int:person_id>/", Permission.ANSWER_PRIVACY)
    def person(self, person_id: int) -> str:
        """How much is held on one person, to be handed out or erased."""
        return self._person(_own_person(person_id))

    @at("/pessoa/<int:person_id>/dados", Permission.ANSWER_PRIVACY, methods=("POST",))
    def hand_out(self, person_id: int) -> Response | tuple[str, int]:
        """Everything held, as a file (LGPD art. 18 II and V)."""
        person = _own_person(person_id)
        try:
            reason = _reason()
        except NoReason as refusal:
            return self._person(person, "dados", str(refusal)), 422
        found_data = privacy.dossier(person_id)
        with changing("privacy.export", f"person:{person_id}") as change:
            change.after = {"reason": reason}
        if request.form.get("formato") == "csv":
            return _file("\ufeff" + privacy.dossier_csv(found_data), "text/csv", f"{person_id}.csv")
        text = json.dumps(found_data, ensure_ascii=False, indent=2)
        return _file(text, "application/json", f"{person_id}.json")

    @at("/pessoa/<int:person_id>/apagar", Permission.ANSWER_PRIVACY, methods=("POST",))
    def erase(self, person_id: int) -> str | Response | tuple[str, int]:
        """Gone for good, everywhere at once; their open cases with it."""
        person = _own_person(person_id)
        try:
            reason = _reason()
        except NoReason as refusal:
            return self._person(person, "apagar", str(refusal)), 422
        if not is_sure():
            return self.ask_first(
                _("Erase this person for good?"),
                _("It goes from every table, file and waiting mail, and cannot be undone."),
                yes=_("Erase for good"),
                back=f"{HERE}pessoa/{person_id}/",
                back_words=_("Their data"),
                fields={"motivo": reason},
            )
        with changing("privacy.erase", f"person:{person_id}") as change:
            change.after = {"reason": reason}
            privacy.erase(person_id, "asked by the person")
            for case in db.session.scalars(_open_cases_of(person_id)):
                cases.close_case(case)
        done(_("Erased, everywhere. What other systems hold of them must be erased there."))
        return redirect(HERE, code=303)

    def _page(self, typed: str = "", people: list[Person] | None = None) -> str:
        is_over_all = staff().store_ids is None
        ended = sa.select(SubjectRequest).where(SubjectRequest.state != "open")
        ended = ended.order_by(SubjectRequest.done_at.desc()).limit(ENDED)
        return str(
            self.render(
                "admin/privacy.html", typed=typed, people=people, is_over_all=is_over_all,
                cases=cases.open_cases() if is_over_all else [], now=now(),
                ended=list(db.session.scalars(ended)) if is_over_all else [],
                kinds=KINDS, states=STATES,
            )
        )  # fmt: skip

    def _person(self, person: Person, opened: str = "", problem: str = "") -> str:
        leads = sa.select(Lead).where(Lead.person_id == person.id).order_by(Lead.id.desc())
        return str(
            self.render(
                "admin/privacy_person.html", person=person, reasons=REASONS, opened=opened,
                problem=problem, sections=_sections(privacy.dossier(person.id)),
                leads=list(db.session.scalars(leads.limit(MOST))),
            )
        )  # fmt: skip


def _sections(found_data: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Name and size of every part of a dossier that holds something."""
    return [
        (str(SECTIONS.get(name, name)), len(rows))
        for name, rows in found_data.items()
        if isinstance(rows, list) and rows and name not in _UNCOUNTED
    ]


def _reason() -> str:
    code = request.form.get("motivo", "")
    if code not in REASONS:
        raise NoReason(_("Choose the reason: the law wants it on record."))
    return code


def _own_case(case_id: int) -> SubjectRequest:
    """A case, for who serves every store: nobody knows yet whose customer asks."""
    case: SubjectRequest = found(db.session.get(SubjectRequest, case_id))
    return found(case if staff().store_ids is None else None)


def _own_person(person_id: int) -> Person:
    """Somebody all of whose leads are in the stores of who is signed in, and who is not erased."""
    person: Person = found(db.session.get(Person, person_id))
    ids = staff().store_ids
    if ids is not None:
        stores = set(
            db.session.scalars(sa.select(Lead.store_id).where(Lead.person_id == person_id))
        )
        found(person if stores and stores <= set(ids) else None)
    return found(person if person.erased_at is None else None)


def _open_cases_of(person_id: int) -> sa.Select[Any]:
    return sa.select(SubjectRequest).where(
        SubjectRequest.person_id == person_id, SubjectRequest.state == "open"
    )


def _file(text: str, mimetype: str, name: str) -> Response:
    response = Response(text.encode(), mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="dados-{name}"'
    response.headers["Cache-Control"] = NO_STORE
    return response


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Privacy(
            name=_l("Privacy"),
            category=groups.LEADS,
            url="/admin/privacidade",
            endpoint="staff_privacy",
        )
    ]
