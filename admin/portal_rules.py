"""`/admin/portais/<id>/regras` and the steps around it: which cars an account shows, when it begins
and when it stops. What a change would do is shown before it is saved."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from flask import redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, is_sure
from admin.portal_ad_rows import stock_rows
from admin.portal_ad_words import ORDER_WORDS
from admin.portal_rules_form import CONDITIONS, money_text, told, typed_rules
from admin.portal_scope import (
    HERE,
    advertising_account,
    is_pushed,
    kind_name,
    pushing_account,
    tabs_of,
)
from admin.stock_scope import own_stores, store_name
from core.errors import DomainError
from core.money import NotMoney, parse_brl
from dealership.editing import ChangedMeanwhile, check_mark, mark_of
from dealership.roles import Permission
from integrators import accounts
from integrators.listings import overview
from integrators.listings.preview import Plan, plan
from integrators.listings.rules import (
    LONGEST_TEXT,
    RuleRefused,
    Rules,
    advertiser_of,
    change_rules,
    switch_on,
)
from integrators.listings.syncing import ask_for_pass
from integrators.models import PortalAccount

SEE: Final = Permission.SEE_PORTALS
EDIT: Final = Permission.EDIT_PORTALS
MOST_NAMED: Final = 10  # cars of a difference that are named; the rest is counted
Answer = str | Response | tuple[str, int]


class PortalRules(StaffView):
    """Which cars an account shows."""

    icon = "plug"
    in_menu = False

    @at("/<int:account_id>/regras", SEE)
    def rules(self, account_id: int) -> str:
        """The rules as they are."""
        return self._form(advertising_account(account_id))

    @at("/<int:account_id>/regras", EDIT, methods=("POST",))
    def save(self, account_id: int) -> Answer:
        """Show what the typed rules would do; sure of it, keep them."""
        row = advertising_account(account_id)
        before = _rules(row)
        try:
            typed = typed_rules(request.form, before, _stores(before))
        except RuleRefused as error:
            return self._form(row, problems=error.problems), 422
        if not is_sure():
            return self._form(row, typed=typed, difference=_plan(row, typed))
        try:
            with changing("portal.rules", f"portal:{row.id}", label=row.name) as change:
                row = accounts.locked(row.id)
                check_mark(request.form.get("visto", ""), _rules(row).stored())
                change.before, change.after = told(before), told(typed)
                change_rules(row, typed)
                _ask_for_pass(row)
        except ChangedMeanwhile as error:
            return answer(error, f"{HERE}{row.id}/regras")
        done(_("Saved. The ads follow from now on."))
        return redirect(f"{HERE}{row.id}/anuncios", code=303)

    # --- begin, stop, leave ---

    @at("/<int:account_id>/comecar", SEE)
    def begin(self, account_id: int) -> str:
        """What beginning would do, in numbers, before it does."""
        row = pushing_account(account_id)
        rules = _staying(_rules(row))
        return self._page(
            row,
            "admin/portals_begin.html",
            "anuncios",
            rules=_rules(row),
            difference=_plan(row, rules),
        )

    @at("/<int:account_id>/comecar", EDIT, methods=("POST",))
    def start(self, account_id: int) -> Response:
        """Begin to advertise."""
        row = pushing_account(account_id)
        if row.state == "paused":
            return _paused(row)
        with changing("portal.advertise", f"portal:{row.id}", label=row.name):
            row = accounts.locked(row.id)
            change_rules(row, _staying(_rules(row)))
            switch_on(row.id, on=True)
            _ask_for_pass(row)
        done(_("It has begun. The cars go up one after the other."), undo=f"{HERE}{row.id}/parar")
        return redirect(f"{HERE}{row.id}/anuncios", code=303)

    @at("/<int:account_id>/parar", EDIT, methods=("POST",))
    def stop(self, account_id: int) -> Response:
        """Send nothing more. What is up stays up."""
        row = pushing_account(account_id)
        with changing("portal.stop", f"portal:{row.id}", label=row.name):
            switch_on(accounts.locked(row.id).id, on=False)
        done(
            _("Stopped. What is up stays up and is no longer looked after."),
            undo=f"{HERE}{row.id}/comecar",
        )
        return redirect(f"{HERE}{row.id}/anuncios", code=303)

    @at("/<int:account_id>/tirar-tudo", EDIT, methods=("POST",))
    def take_all_down(self, account_id: int) -> Answer:
        """Leave the portal: everything of ours comes down."""
        row = pushing_account(account_id)
        if row.state == "paused":
            return _paused(row)
        there = len(_plan(row, _leaving(_rules(row))).down)
        if not is_sure():
            return self.ask_first(
                _("Take everything down from %(name)s?", name=row.name),
                _("%(n)s ads come down, one after the other. Ads made by hand on the portal "
                  "stay.", n=there),
                yes=_("Yes, take all down"),
                back=f"{HERE}{row.id}/anuncios",
                back_words=row.name,
            )  # fmt: skip
        with changing("portal.leave", f"portal:{row.id}", label=row.name) as change:
            row = accounts.locked(row.id)
            change_rules(row, _leaving(_rules(row)))
            switch_on(row.id, on=True)  # nothing comes down while it is off
            change.after = {"cars": there}
            _ask_for_pass(row)
        done(_("Everything comes down now. To begin anew, touch “Start advertising”."))
        return redirect(f"{HERE}{row.id}/anuncios", code=303)

    @at("/<int:account_id>/conferido", EDIT, methods=("POST",))
    def checked(self, account_id: int) -> Response:
        """Somebody looked at the difference after a backup was restored: go on."""
        row = pushing_account(account_id)
        with changing("portal.checked", f"portal:{row.id}", label=row.name):
            advertiser = advertiser_of(accounts.locked(row.id).id)
            advertiser.is_wary, advertiser.stock_version = False, 0
            _ask_for_pass(row)
        done(_("Noted. The account goes on."))
        return redirect(f"{HERE}{row.id}/anuncios", code=303)

    @at("/<int:account_id>/custo", EDIT, methods=("POST",))
    def cost(self, account_id: int) -> Response:
        """What the account costs in a month."""
        row = advertising_account(account_id)
        back = f"{HERE}{row.id}/resultado"
        text = request.form.get("custo", "").strip()
        try:
            cents = parse_brl(text) if text else 0
        except NotMoney as error:
            return answer(error, back)
        with changing("portal.cost", f"portal:{row.id}", label=row.name) as change:
            advertiser = advertiser_of(accounts.locked(row.id).id)
            change.before = {"price_cents": advertiser.monthly_cost_cents}
            advertiser.monthly_cost_cents = cents
            change.after = {"price_cents": cents}
        done(_("Saved."))
        return redirect(back, code=303)

    # --- pages ---

    def _form(
        self,
        row: PortalAccount,
        *,
        typed: Rules | None = None,
        difference: Plan | None = None,
        problems: Mapping[str, str] | None = None,
    ) -> str:
        kept = _rules(row)
        return self._page(
            row,
            "admin/portals_rules.html",
            "regras",
            rules=typed or kept,
            difference=difference,
            problems=problems or {},
            stores=_stores(kept),
            conditions=CONDITIONS,
            orders=ORDER_WORDS,
            mark=mark_of(kept.stored()),
            longest=LONGEST_TEXT,
            money=money_text,
            is_sent=request.method == "POST",
        )

    def _page(self, row: PortalAccount, template: str, here: str, **values: Any) -> str:
        difference = values.get("difference")
        return str(
            self.render(
                template,
                row=row,
                kind_name=kind_name(row.kind),
                advertiser=overview.advertiser_seen(row.id),
                is_pushed=is_pushed(row.kind),
                tabs_=tabs_of(row, here, overview.counts_of([row.id])[row.id].problem),
                down=stock_rows(difference.down[:MOST_NAMED]) if difference else [],
                up=stock_rows(difference.up[:MOST_NAMED]) if difference else [],
                **values,
            )
        )


def _paused(row: PortalAccount) -> Response:
    """Nothing moves while the account rests, so nothing is promised."""
    error = DomainError(_("The account is paused: let it go on first."))
    return answer(error, f"{HERE}{row.id}/anuncios")


def _ask_for_pass(row: PortalAccount) -> None:
    if is_pushed(row.kind):
        ask_for_pass(row.id)


def _rules(row: PortalAccount) -> Rules:
    return Rules.of(overview.advertiser_seen(row.id).rules)


def _plan(row: PortalAccount, rules: Rules) -> Plan:
    return plan(row, overview.advertiser_seen(row.id), rules)


def _staying(rules: Rules) -> Rules:
    return replace(rules, takes_all_down=False)


def _leaving(rules: Rules) -> Rules:
    return replace(rules, takes_all_down=True)


def _stores(rules: Rules) -> dict[int, str]:
    """The stores that may be chosen: open ones of who is signed in, and those chosen already."""
    return {store.id: store_name(store) for store in own_stores(*rules.store_ids)}


def views() -> list[StaffView]:
    """The screens of this module, reached from those of an account's ads."""
    return [
        PortalRules(
            name=_l("Rules of portals"),
            category=groups.PORTALS,
            url="/admin/portais",
            endpoint="staff_portal_rules",
        )
    ]
