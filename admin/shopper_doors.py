"""The doors that the mystery shopper tries, and how it goes through each: as a visitor's browser
fills in a page's form, as a portal posts, as a program calls."""

import json
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa
from flask_babel import gettext as _

from admin.portal_words import KIND_LABELS
from core import mail, own_site
from core.clock import now
from core.config import current
from core.db import db, writing
from core.errors import DomainError
from dealership.roles import Role
from dealership.staff import StaffMember
from integrators import accounts, shopping
from integrators.accounts import Account
from integrators.api.tokens import ApiToken, Scope, create_token, digest
from integrators.kinds import KINDS
from integrators.models import PortalAccount
from integrators.shopping import Sample
from inventory.models import Vehicle
from landing.goals import FORMS
from landing.models import LandingPage
from leads import letters, shopper
from leads.words import source_label

QUICK: Final = timedelta(minutes=5)  # from a door to the queue
BY_MAIL: Final = timedelta(minutes=18)  # mailboxes are looked into every fifteen
API: Final = "api"
API_PATH: Final = "/api/v1/leads"
OFFER: Final = "form:oferta"
# Each public form by what its leads come from.
PAGES: Final = {
    "form:contato": "/contato",
    "form:ligacao": "/ligamos-para-voce",
    "form:test-drive": "/test-drive",
    "form:avaliacao": "/avaliacao",
    "form:financiamento": "/financiamento",
    "form:pos-venda": "/pos-venda",
}
_TYPED: Final = {"marca": "Fiat", "modelo": "Argo 1.0", "ano": "2020", "carro": "Argo 2020",
                 "veiculo": "Argo 2020"}  # fmt: skip
_FORM: Final = "application/x-www-form-urlencoded"
KEY_NAME: Final = "Cliente oculto"
_NEEDED: Final = frozenset({"submission_id", "nome", "telefone"})  # no other form has them all


class NotThrough(DomainError):
    """The door did not take it; the sentence says why, for staff."""


@dataclass(frozen=True)
class Door:
    """One way in. `path` is a page's address, of an account its webhook's; `why_not` says why it
    cannot be tried from here."""

    key: str
    name: str
    source: str
    path: str
    account_id: int | None = None
    patience: timedelta = QUICK
    why_not: str = ""


def doors() -> list[Door]:
    """Every door there is now, our own pages first. Five statements."""
    found = [Door(key, source_label(key), key, path) for key, path in PAGES.items()]
    if offer_path := _offer_path():
        found.insert(0, Door(OFFER, source_label(OFFER), OFFER, offer_path))
    found += [
        Door(f"landing:{page.slug}", page.name, "landing", f"/lp/{page.slug}") for page in _pages()
    ]
    found += [_of_account(row) for row in _accounts()]
    return [*found, Door(API, source_label(API), API, API_PATH)]


def door(key: str) -> Door | None:
    """The door of that key, while it is there."""
    return next((one for one in doors() if one.key == key), None)


def _pages() -> list[LandingPage]:
    moment = now()
    rows = db.session.scalars(
        sa.select(LandingPage)
        .where(LandingPage.state == "published", LandingPage.goal.in_([g.value for g in FORMS]))
        .order_by(LandingPage.name)
    )
    return [page for page in rows if page.is_open(moment)]


def _accounts() -> list[PortalAccount]:
    """Those that take leads now: of a paused one they wait, and that is known."""
    there = PortalAccount.state.not_in(["archived", "paused"])
    return list(
        db.session.scalars(sa.select(PortalAccount).where(there).order_by(PortalAccount.name))
    )


def _of_account(row: PortalAccount) -> Door:
    account = accounts.seen(row)
    why_not = ""
    if not shopping.is_possible(row.kind):
        why_not = _("It only tells that there is a lead, which is then read there.")
    elif account.is_sealed:
        why_not = _("Its secrets cannot be opened with this site's key.")
    return Door(
        key=f"account:{row.id}",
        name=row.name,
        source=row.kind,
        path=accounts.own_path(row),
        account_id=row.id,
        patience=BY_MAIL if mailbox_address(account) else QUICK,
        why_not=why_not,
    )


def kind_words(one: Door) -> str:
    """What sort of door it is, for its row."""
    if one.account_id is not None:
        return str(KIND_LABELS.get(one.source) or KINDS[one.source].label)
    if one.source == "landing":
        return _("Landing page")
    return _("Other system") if one.key == API else _("Form of the site")


def _offer_path() -> str:
    """The page of a car that is on the site, always the same while it is there."""
    public_id = db.session.scalar(
        sa.select(Vehicle.public_id)
        .where(Vehicle.state == "published")
        .order_by(Vehicle.id)
        .limit(1)
    )
    return f"/oferta/{public_id}" if public_id else ""


# --- going through ---------------------------------------------------------------------------


def go_through(one: Door, sample: Sample) -> None:
    """Send `sample` by that door, and return once it said yes. Takes seconds: outside `writing()`.
    Raises NotThrough, and what the network raises (core.fetch)."""
    if one.key == API:
        _call_api(one, sample)
    elif one.account_id is not None:
        _post_as_portal(one, accounts.loaded(one.account_id), sample)
    else:
        _fill_in(one, sample)


def _fill_in(one: Door, sample: Sample) -> None:
    """Open the page, type into its form, send it, and see that it thanks."""
    page = own_site.ask(one.path)
    onward = urlsplit(page.location)
    if page.status in {301, 302, 308} and onward.path:  # to its full address: never elsewhere
        page = own_site.ask(onward.path)
    if page.status != 200:
        raise NotThrough(_("The page answers with error %(status)s.", status=page.status))
    form = read_form(page.text)
    if form is None:
        raise NotThrough(_("The page shows no form."))
    typed = {
        **{name: _TYPED.get(name, value) for name, value in form.fields.items()},
        "nome": sample.name,
        "telefone": sample.phone,
        "mensagem": sample.message,
        "email": sample.email,
    }
    target = urlsplit(form.action or onward.path or one.path)
    path = f"{target.path}?{target.query}" if target.query else target.path
    answer = own_site.ask(
        path,
        urlencode(typed).encode(),
        {"Content-Type": _FORM, "Origin": current().base_url, "Sec-Fetch-Site": "same-origin"},
    )
    if answer.status == 422:
        raise NotThrough(_("The form refuses what was typed."))
    if answer.status != 303:
        raise NotThrough(_("The form answers with error %(status)s.", status=answer.status))


def mailbox_address(account: Account) -> str:
    """Where a real mail to the account's mailbox goes; empty where mail cannot make the way."""
    user = account.get("username")
    is_read = account.kind == "mailbox" and bool(account.get("host"))
    return user if is_read and current().smtp_url and mail.is_address(user) else ""


def _post_as_portal(one: Door, account: Account, sample: Sample) -> None:
    if address := mailbox_address(account):
        _write_mail(address, sample)
        return
    posting = shopping.posting_for(account, one.path, sample)
    answer = own_site.ask(one.path, posting.body, posting.headers)
    if answer.status == 401:
        raise NotThrough(_("The webhook does not take the account's own proof."))
    if answer.status >= 300:
        raise NotThrough(_("The webhook answers with error %(status)s.", status=answer.status))


def _write_mail(address: str, sample: Sample) -> None:
    with writing():
        letters.post(
            letters.Letter(
                key=f"shopper:{sample.mark[:10]}",
                kind="shopper",
                to=address,
                subject="Novo contato",
                text=shopping.mail_words(sample),
            )
        )


def _call_api(one: Door, sample: Sample) -> None:
    """With a key of its own that lives as long as the call."""
    text = _new_key()
    body = {
        "name": sample.name,
        "phone": sample.phone,
        "email": sample.email,
        "message": sample.message,
        "vehicle": sample.vehicle,
    }
    try:
        answer = own_site.ask(
            one.path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {text}"},
        )
    finally:
        with writing():
            _drop_keys(text)
    if answer.status != 202:
        raise NotThrough(_("The API answers with error %(status)s.", status=answer.status))


def _new_key() -> str:
    with writing() as session:
        _drop_keys()
        everywhere = [
            one
            for one in session.scalars(
                sa.select(StaffMember)
                .where(StaffMember.active, StaffMember.role.in_([Role.OWNER, Role.SUPERVISOR]))
                .order_by(StaffMember.role, StaffMember.id)
            )
            if one.store_ids is None
        ]
        if not everywhere:
            raise NotThrough(_("There is nobody with all stores for whom a key could speak."))
        _row, text = create_token(
            everywhere[0], [Scope.WRITE_LEADS], by=shopper.ACTOR, name=KEY_NAME, days=1
        )
    return text


def _drop_keys(text: str = "") -> None:
    """That of this call, and what a killed process left: another try may be under way."""
    ours = sa.and_(
        ApiToken.created_by == shopper.ACTOR,
        ApiToken.name == KEY_NAME,
        sa.or_(ApiToken.digest == digest(text), ApiToken.created_at < now() - QUICK),
    )
    db.session.execute(
        sa.delete(ApiToken).where(ours), execution_options={"synchronize_session": False}
    )


# --- reading a form as a browser does ----------------------------------------------------------


@dataclass(frozen=True)
class PageForm:
    """Where a form goes, and its fields with what stands in them."""

    action: str
    fields: dict[str, str]


class _Reader(HTMLParser):
    """Collects the forms of a page: text and hidden fields, the first choice of each list, and no
    box or button that nobody ticked."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._here: PageForm | None = None
        self._list = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._here = PageForm(found.get("action", ""), {})
            self.forms.append(self._here)
        if self._here is None:
            return
        name = found.get("name", "")
        if tag == "select":
            self._list = name
        elif tag == "option" and self._list:
            self._here.fields.setdefault(self._list, found.get("value", ""))
            if "selected" in found:
                self._here.fields[self._list] = found.get("value", "")
        elif tag == "textarea" and name:
            self._here.fields.setdefault(name, "")
        elif tag == "input" and name and _is_sent(found):
            self._here.fields.setdefault(name, found.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._here = None
        elif tag == "select":
            self._list = ""


def _is_sent(found: dict[str, str]) -> bool:
    kind = found.get("type", "text")
    if kind in {"checkbox", "radio"}:
        return "checked" in found
    return kind not in {"submit", "button", "image", "file", "reset"}


def read_form(page: str) -> PageForm | None:
    """The form of `page` by which somebody asks us something; None when there is none."""
    reader = _Reader()
    reader.feed(page)
    return next((form for form in reader.forms if form.fields.keys() >= _NEEDED), None)
