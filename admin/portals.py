"""`/admin/portais/`: the accounts other systems reach us by."""

from collections.abc import Mapping
from typing import Any, Final

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import (
    StaffView,
    answer,
    at,
    changing,
    done,
    found,
    is_sure,
    staff,
)
from admin.meanwhile import Meanwhile, meanwhile
from admin.portal_ad_words import WITHOUT_FACTS
from admin.portal_cards import cards_of
from admin.portal_scope import (
    HERE,
    is_pushed,
    kind_name,
    own_account,
    own_accounts,
    tabs_of,
)
from admin.portal_truth_rows import own_stale_stickers, own_untruths
from admin.portal_words import (
    ABOUT,
    KEY_HINTS,
    KEY_LABELS,
    NOT_PROVEN,
    REASONS,
    STEPS,
    lacking,
)
from admin.stock_scope import own_stores, store_name
from core.errors import DomainError
from core.text import clean_line
from dealership.editing import ChangedMeanwhile, SettingRefused, check_mark, mark_of
from dealership.roles import Permission
from integrators import accounts, overview
from integrators.connecting import can_connect
from integrators.feeds.names import has_feeds
from integrators.incoming import processing, refused, trial
from integrators.kinds import KINDS, Kind
from integrators.listings.shown import shown_count, shown_counts
from integrators.listings.syncing import ask_for_pass
from integrators.models import PortalAccount
from jobs.queue import enqueue
from leads.spool import SpoolFailed

SEE: Final = Permission.SEE_PORTALS
EDIT: Final = Permission.EDIT_PORTALS
MOST_SHOWN: Final = 100
Answer = str | Response | tuple[str, int]


class PortalsView(StaffView):
    """Accounts on portals, messaging and telephone services."""

    icon = "plug"

    @at("/", SEE)
    def index(self) -> Answer:
        """Every account with how it is doing; what needs a person first."""
        everyone = own_accounts(also_removed=True)
        rows = [row for row in everyone if row.state != "archived"]
        removed = [row for row in everyone if row.state == "archived"]
        rows.sort(key=lambda row: (row.state != "needs_reauth", row.name.lower()))
        return str(
            self.render(
                "admin/portals.html",
                rows=rows,
                removed=sorted(removed, key=lambda row: row.name.lower()),
                left_there=shown_counts([row.id for row in removed]),
                cards=cards_of(rows),
                untrue=len(own_untruths()) + len(own_stale_stickers()),
                doing=overview.doing(rows),
                kind_name=kind_name,
                stores=_stores(are_open=False),
            )
        )

    @at("/novo", EDIT)
    def choose(self) -> Answer:
        """Which kind of account?"""
        return str(
            self.render(
                "admin/portals_kinds.html",
                kinds=KINDS.values(),
                about=ABOUT,
                without_facts=WITHOUT_FACTS,
                kind_name=kind_name,
            )
        )

    @at("/novo/<kind>", EDIT)
    def new(self, kind: str) -> Answer:
        """An empty form of that kind."""
        return self._form(found(KINDS.get(kind)), None)

    @at("/novo/<kind>", EDIT, methods=("POST",))
    def create(self, kind: str) -> Answer:
        """Register it, and show its address for the only time."""
        chosen: Kind = found(KINDS.get(kind))
        settings = _typed_settings(chosen)
        try:
            _refuse_missing(chosen, settings)
            with changing("portal.create") as change:
                name, store_id = _typed_name(), _typed_store()
                row, token = accounts.register(
                    kind, name, settings, store_id=store_id, by_operator=False
                )
                change.subject, change.label = f"portal:{row.id}", row.name
                change.after = {"kind": kind, "told": ", ".join(sorted(settings))}
                account_id = row.id
        except DomainError as error:
            return self._form(chosen, None, problems=_problems(error)), 422
        accounts.forget_copies()
        return self._address(account_id, token, _("The account is connected on this side."))

    @at("/<int:account_id>/", SEE)
    def show(self, account_id: int) -> Answer:
        """One account: state, settings, what to do on the other side."""
        row = own_account(account_id)
        return self._form(KINDS[row.kind], row)

    @at("/<int:account_id>/", EDIT, methods=("POST",))
    def save(self, account_id: int) -> Answer:
        """Name, store and settings; an empty secret stays what it was."""
        row = own_account(account_id)
        kind, subject = KINDS[row.kind], f"portal:{account_id}"
        try:
            told = _changed_settings(kind)
            with changing("portal.change", subject) as change:
                row = _held(account_id)
                check_mark(request.form.get("visto", ""), _open_facts(row))
                change.before = {**_open_facts(row), "told": ""}
                accounts.describe(row, _typed_name(), _typed_store(row))
                accounts.change_settings(row, told, by_operator=False)
                again = processing.read_parked_again(row.id)
                secret = [key.name for key in kind.keys if key.is_secret and key.name in told]
                change.label = row.name
                change.after = {**_open_facts(row), "told": ", ".join(secret)}
        except ChangedMeanwhile:
            row = own_account(account_id)
            return self._form(kind, row, conflict=meanwhile(subject)), 409
        except DomainError as error:
            return self._form(kind, own_account(account_id), problems=_problems(error)), 422
        accounts.forget_copies()
        _say_saved(again)
        return redirect(f"{HERE}{account_id}/", code=303)

    # --- what happens to an account ---

    @at("/<int:account_id>/novo-endereco", EDIT, methods=("POST",))
    def rotate(self, account_id: int) -> Answer:
        """A new address; the old one stays good for a week."""
        row = own_account(account_id)
        if not is_sure():
            return self._sure(
                row,
                _("Make a new address?"),
                _("The address of today stays good for 7 more days. The one before it stops now."),
            )
        try:
            with changing("portal.rotate", f"portal:{account_id}", label=row.name):
                row = _held(account_id)
                check_mark(request.form.get("endereco", ""), row.token_digest)
                token = accounts.rotate(row)
        except ChangedMeanwhile as error:
            return answer(error, f"{HERE}{account_id}/")
        accounts.forget_copies()
        return self._address(account_id, token, _("The new address is ready."))

    @at("/<int:account_id>/pausar", EDIT, methods=("POST",))
    def pause(self, account_id: int) -> Answer:
        """Ask nothing more; what is posted waits, and ads stay as they are."""
        row = own_account(account_id)
        count = shown_count(account_id)
        if count and not is_sure():
            return self._sure(row, _("Pause %(name)s?", name=row.name), _unattended(count))
        self._move(account_id, "portal.pause", accounts.pause)
        words = _("Paused. What arrives is kept and read when it goes on.")
        done(
            f"{words} {_unattended(count)}" if count else words,
            undo=f"{HERE}{account_id}/continuar",
        )
        return redirect(f"{HERE}{account_id}/", code=303)

    @at("/<int:account_id>/continuar", EDIT, methods=("POST",))
    def go_on(self, account_id: int) -> Answer:
        """End the pause, or bring a removed account back; read what waited."""
        row = own_account(account_id, also_archived=True)
        with changing("portal.go_on", f"portal:{account_id}", label=row.name):
            row = _held(account_id)
            accounts.go_on(row)
            again = processing.read_parked_again(account_id)
            if is_pushed(row.kind):
                ask_for_pass(account_id)  # what was sold meanwhile is still up there
        accounts.forget_copies()
        _say_saved(again)
        return redirect(f"{HERE}{account_id}/", code=303)

    @at("/<int:account_id>/remover", EDIT, methods=("POST",))
    def remove(self, account_id: int) -> Answer:
        """Take it away; its leads stay, and it can be brought back. What it has up stays up."""
        row = own_account(account_id)
        count = shown_count(account_id)
        if count and not is_sure():
            return str(self.render("admin/portals_remove.html", row=row, shown=count))
        if not is_sure():
            return self._sure(
                row,
                _("Remove %(name)s?", name=row.name),
                _("Its address stops working at once. Leads that came by it stay."),
            )
        self._move(account_id, "portal.remove", accounts.archive)
        words = _("The account was removed.")
        done(
            f"{words} {_left_there(count)}" if count else words,
            undo=f"{HERE}{account_id}/continuar",
        )
        return redirect(HERE, code=303)

    @at("/<int:account_id>/buscar", EDIT, methods=("POST",))
    def poll(self, account_id: int) -> Answer:
        """Ask the service now for leads that were not posted: a job."""
        row = own_account(account_id)
        with changing("portal.poll", f"portal:{account_id}", label=row.name):
            enqueue(
                "poll_lead_source",
                {"account_id": account_id},
                dedup_key=str(account_id),
                max_attempts=3,
            )
        done(_("The service is being asked. New leads show up in a minute."))
        return redirect(f"{HERE}{account_id}/", code=303)

    @at("/<int:account_id>/testar", EDIT, methods=("POST",))
    def send_test(self, account_id: int) -> Answer:
        """A test lead, the way that real ones go."""
        row = own_account(account_id)
        back, name = f"{HERE}{account_id}/", row.name
        try:
            receipt = trial.send(accounts.seen(row), by=staff().email)
        except SpoolFailed as error:
            return answer(error, back)
        if not receipt.is_repeat:
            with changing("portal.send_test", f"portal:{account_id}", label=name):
                pass  # what was sent is kept already
        done(_("A test lead is on its way. It stands in the list of leads in a moment, as a test."))
        return redirect(back, code=303)

    # --- what did not prove itself ---

    @at("/recusados", SEE)
    def refused(self) -> Answer:
        """Posts that came to a right address without the right proof."""
        rows = {row.id: row for row in own_accounts()}
        posts = refused.refused_posts(rows.keys())
        return str(
            self.render(
                "admin/portals_refused.html",
                posts=posts[:MOST_SHOWN],
                total=len(posts),
                rows=rows,
                reason=lambda code: REASONS.get(code, NOT_PROVEN),
                kept_days=refused.KEPT_HOURS // 24,
            )
        )

    @at("/recusados", EDIT, methods=("POST",))
    def retry(self) -> Answer:
        """Look at them again with today's secrets."""
        ids = [row.id for row in own_accounts()]
        try:
            result = refused.retry_refused(ids)
        except SpoolFailed as error:
            return answer(error, f"{HERE}recusados")
        with changing("portal.retry_refused") as change:
            change.after = {"accepted": result.accepted, "refused": result.refused}
        accepted = ngettext(
            "%(num)s lead was accepted.", "%(num)s leads were accepted.", result.accepted
        )
        left = ngettext("%(num)s still waits.", "%(num)s still wait.", result.refused)
        done(f"{accepted} {left}")
        return redirect(f"{HERE}recusados", code=303)

    # --- pages ---

    def _move(self, account_id: int, action: str, verb: Any) -> None:
        row = own_account(account_id)
        with changing(action, f"portal:{account_id}", label=row.name):
            verb(_held(account_id))
        accounts.forget_copies()

    def _address(self, account_id: int, token: str, words: str) -> str:
        row = own_account(account_id)
        return str(
            self.render(
                "admin/portals_address.html",
                row=row,
                kind_name=kind_name(row.kind),
                steps=STEPS[row.kind],
                address=accounts.webhook_address(row.kind, token),
                words=words,
                lacking=lacking(accounts.seen(row)),
            )
        )

    def _sure(self, row: PortalAccount, question: str, words: str) -> str:
        return self.ask_first(
            question,
            words,
            yes=_("Yes, do it"),
            back=f"{HERE}{row.id}/",
            back_words=row.name,
            fields={"endereco": mark_of(row.token_digest)},
        )

    def _form(
        self,
        kind: Kind,
        row: PortalAccount | None,
        *,
        problems: Mapping[str, str] | None = None,
        conflict: Meanwhile | None = None,
    ) -> str:
        return str(
            self.render(
                "admin/portals_account.html",
                kind=kind,
                kind_name=kind_name(kind.code),
                tabs_=tabs_of(row, "") if row else (),
                signs_in=row is not None and can_connect(accounts.seen(row)),
                row=row,
                doing=overview.doing([row])[row.id] if row else None,
                pause_words=_pause_words(row) if row else "",
                shown=shown_count(row.id) if row else 0,
                lacking=lacking(accounts.seen(row)) if row else "",
                known=dict(accounts.settings_of(row)) if row else {},
                is_sealed=row is not None and accounts.seen(row).is_sealed,
                labels=KEY_LABELS,
                hints=KEY_HINTS,
                steps=STEPS[kind.code],
                stores=_stores(row),
                is_group=staff().store_ids is None,
                problems=problems or {},
                conflict=conflict,
                is_sent=request.method == "POST",
                seen=mark_of(_open_facts(row)) if row else "",
                address_seen=mark_of(row.token_digest) if row else "",
            )
        )


# --- rows ------------------------------------------------------------------------------------


def _held(account_id: int) -> PortalAccount:
    return accounts.locked(account_id)


def _stores(row: PortalAccount | None = None, *, are_open: bool = True) -> dict[int, str]:
    """Names of the stores of who is signed in: open ones and that of `row`, or all of them."""
    stores = own_stores(row.store_id if row else None, closed_too=not are_open)
    return {store.id: store_name(store) for store in stores}


def _open_facts(row: PortalAccount) -> dict[str, Any]:
    """What of the account anybody on the staff may see."""
    return {"name": row.name, "store": row.store_id, **row.options}


# --- what was typed --------------------------------------------------------------------------


def _typed_name() -> str:
    return clean_line(request.form.get("nome", ""), accounts.LONGEST_NAME)


def _typed_store(row: PortalAccount | None = None) -> int | None:
    """The store whose leads these are. People of one store cannot make accounts of the group."""
    text = request.form.get("loja", "")
    if not text and staff().store_ids is None:
        return None
    if text not in {str(store_id) for store_id in _stores(row)}:
        raise SettingRefused({"loja": _("Choose a store from the list.")})
    return int(text)


def _typed_settings(kind: Kind) -> dict[str, str]:
    values = {key.name: request.form.get(f"k-{key.name}", "").strip() for key in kind.keys}
    return {name: value for name, value in values.items() if value}


def _changed_settings(kind: Kind) -> dict[str, str]:
    """What to tell the account: every open value as typed, secrets only where something was typed
    or they are to be forgotten. Raises SettingRefused."""
    told: dict[str, str] = {}
    forgotten = set(request.form.getlist("esquecer"))
    for key in kind.keys:
        value = request.form.get(f"k-{key.name}", "").strip()
        if value or not key.is_secret or key.name in forgotten:
            told[key.name] = value
    needed = [key.name for key in kind.keys if key.is_needed and told.get(key.name) == ""]
    if needed:
        raise SettingRefused({f"k-{name}": _needed() for name in needed})
    return told


def _refuse_missing(kind: Kind, settings: Mapping[str, str]) -> None:
    missing = accounts.missing_keys(kind, settings)
    if missing:
        raise SettingRefused({f"k-{name}": _needed() for name in missing})


def _needed() -> str:
    return _("The connection does not work without this.")


def _problems(error: DomainError) -> dict[str, str]:
    if isinstance(error, SettingRefused):
        return error.problems
    return {"nome" if isinstance(error, accounts.NameTaken) else "": str(error)}


def _unattended(count: int) -> str:
    """What a pause means for that many ads on the portal."""
    return ngettext(
        "%(num)s ad stays on the portal as it is and is not looked after: if its car is sold, it "
        "stays up until the account goes on.",
        "%(num)s ads stay on the portal as they are and are not looked after: those of cars that "
        "are sold stay up until the account goes on.",
        count,
    )


def _left_there(count: int) -> str:
    return ngettext("%(num)s ad stayed on the portal.", "%(num)s ads stayed on the portal.", count)


def _pause_words(row: PortalAccount) -> str:
    """What a paused account does and does not do, in words."""
    words = _("Nothing is asked and nothing is read. What arrives is kept.")
    count = shown_count(row.id)
    if count:
        words += f" {_unattended(count)}"
    if has_feeds(row.kind):
        words += " " + _("Its feed is still handed out and follows the stock.")
    return words


def _say_saved(again: int) -> None:
    words = _("Saved. The account works with it from now on.")
    if again:
        words += " " + ngettext(
            "%(num)s lead that waited is being read.",
            "%(num)s leads that waited are being read.",
            again,
        )
    done(words)


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        PortalsView(
            name=_l("Portals and channels"),
            category=groups.PORTALS,
            url="/admin/portais",
            endpoint="staff_portals",
        )
    ]
