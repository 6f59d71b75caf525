"""`/admin/portais/<id>/…`: the ads of one account: where each stands, what holds it back, what
would be sent, what it costs and brings."""

from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from flask import redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, within_stores
from admin.lists import Listing
from admin.portal_ad_rows import (
    ad_rows,
    cars_of_events,
    is_called,
    own_ids,
    previewed,
    stock_rows,
)
from admin.portal_ad_words import (
    EVENT_WORDS,
    FEED_WORDS,
    HOLD_WORDS,
    ORDER_WORDS,
    STATE_TAGS,
    STATE_WORDS,
    SWITCH_WORDS,
    mend_path,
)
from admin.portal_cards import card_of
from admin.portal_previews import preview_of
from admin.portal_scope import (
    HERE,
    advertising_account,
    is_pushed,
    kind_name,
    pushing_account,
    tabs_of,
)
from admin.shopper_rows import took
from admin.stock_rows import rows_of
from admin.stock_scope import own_vehicle
from core.clock import now
from core.db import db
from core.errors import DomainError
from core.text import clean_line
from dealership.roles import Permission
from integrators import accounts
from integrators.feeds.names import lacks_google
from integrators.feeds.refreshing import publish_anyway, standings
from integrators.listings import overview, switches
from integrators.listings.lists_read import has_lists
from integrators.listings.retrying import retry
from integrators.listings.rules import Rules
from integrators.listings.switches import SwitchRefused
from integrators.listings.syncing import ask_for_pass
from integrators.listings.wanted import wanted_ids
from integrators.models import Listing as Ad
from integrators.models import ListingEvent, PortalAccount
from inventory import stock_version
from inventory.models import Vehicle

SEE: Final = Permission.SEE_PORTALS
EDIT: Final = Permission.EDIT_PORTALS
MOST_CARS: Final = 50  # cars listed by their leads
LONGEST_SEARCH: Final = 80
LONGEST_NAME: Final = 40


class PortalAds(StaffView):
    """The ads of one account."""

    icon = "plug"
    in_menu = False

    @at("/<int:account_id>/anuncios", SEE)
    def ads(self, account_id: int) -> str:
        """Every car of the account and how it stands there; of feeds, where they are and who
        fetched them."""
        row = advertising_account(account_id)
        return self._ads(row) if is_pushed(row.kind) else self._feed(row)

    def _ads(self, row: PortalAccount) -> str:
        state = request.args.get("situacao", "")
        state = state if state in overview.STATES else ""
        text = clean_line(request.args.get("q", ""), LONGEST_SEARCH)
        statement = within_stores(overview.in_state(row.id, state), Vehicle.store_id)
        if not state and not text:
            statement = statement.where(overview.STATE != "off")
        if text:
            statement = statement.where(is_called(text))
        listing = Listing(statement, {"desde": Ad.desired_at}, default="-desde", tie=Ad.id.desc())
        return self._page(
            row,
            "admin/portals_ads.html",
            "anuncios",
            rules=_rules(row),
            card=card_of(row),
            listing=listing,
            rows=ad_rows(listing.rows, row.kind),
            state=state,
            text=text,
        )

    def _feed(self, row: PortalAccount) -> str:
        kept = switches.switches_of(row.id)
        feeds = standings(row)
        left_out = {number for feed in feeds for number in feed.left_out}
        shown = [*kept, *(number for number in sorted(left_out) if number not in kept)]
        return self._page(
            row,
            "admin/portals_feed.html",
            "anuncios",
            feeds=feeds,
            feed_words=FEED_WORDS,
            lacks_google=lacks_google(accounts.seen(row)),
            pulls=overview.pulls(row.id),
            newest=stock_version.current(),
            count=len(wanted_ids(accounts.seen(row), _rules(row), kept)),
            cars={car.id: car for car in stock_rows(shown[:MOST_CARS])},
            kept=kept,
        )

    @at("/<int:account_id>/publicar-feed", EDIT, methods=("POST",))
    def publish_feed(self, account_id: int) -> Response:
        """A feed that would lose many cars is made all the same: somebody looked at the stock."""
        row = advertising_account(account_id)
        back = f"{HERE}{row.id}/anuncios"
        name = request.form.get("feed", "")[:LONGEST_NAME]
        try:
            publish_anyway(row.id, name)
        except DomainError as error:
            return answer(DomainError(_("The feed could not be made: %(why)s", why=error)), back)
        with changing("portal.publish_feed", f"portal:{row.id}", label=row.name) as change:
            change.after = {"feed": name}
        done(_("The feed was made anew."))
        return redirect(back, code=303)

    @at("/<int:account_id>/chave", EDIT, methods=("POST",))
    def switch(self, account_id: int) -> Response:
        """What is said of the chosen cars: by the rules, always, never."""
        row = advertising_account(account_id)
        ids = own_ids(request.form.getlist("ids"))
        back = f"{HERE}{row.id}/anuncios"
        to = request.form.get("chave", "")
        try:
            with changing("portal.switch", f"portal:{row.id}", label=row.name) as change:
                count = switches.set_switch(accounts.locked(row.id), ids, to)
                change.after = {"cars": count, "switch": to}
                ask_for_pass(row.id)
        except SwitchRefused:
            return answer(SwitchRefused(_("Choose what to do with these cars.")), back)
        _say_switched(count)
        return redirect(back, code=303)

    @at("/<int:account_id>/carro/<int:vehicle_id>", EDIT, methods=("POST",))
    def switch_car(self, account_id: int, vehicle_id: int) -> Response:
        """The same of one car, from its own page."""
        row = advertising_account(account_id)
        vehicle = own_vehicle(vehicle_id)
        back = f"/admin/veiculo/{vehicle.id}/#portais"
        to = request.form.get("chave", "")
        try:
            with changing("portal.switch", f"portal:{row.id}", label=row.name) as change:
                count = switches.set_switch(accounts.locked(row.id), [vehicle.id], to)
                change.after = {"cars": count, "switch": to}
                ask_for_pass(row.id)
        except SwitchRefused:
            return answer(SwitchRefused(_("Choose what to do with this car.")), back)
        _say_switched(count)
        return redirect(back, code=303)

    # --- what holds ads back ---

    @at("/<int:account_id>/problemas", SEE)
    def problems(self, account_id: int) -> str:
        """By cause: how many, what to do, and the cars of the chosen one."""
        row = pushing_account(account_id)
        causes = overview.causes(row.id)
        key = request.args.get("causa")
        chosen = next((cause for cause in causes if cause.key == key), None)
        statement = within_stores(overview.in_state(row.id, "problem"), Vehicle.store_id)
        statement = statement.where(chosen.holds if chosen else sa.false())
        listing = Listing(statement, {"desde": Ad.desired_at}, default="-desde", tie=Ad.id.desc())
        return self._page(
            row,
            "admin/portals_problems.html",
            "problemas",
            causes=causes,
            listing=listing if key is not None else None,
            rows=ad_rows(listing.rows, row.kind) if chosen else [],
            mend_of=lambda cause: mend_path(row.kind, None, cause.field),
            is_read=has_lists(row.kind),
        )

    @at("/<int:account_id>/de-novo", EDIT, methods=("POST",))
    def retry(self, account_id: int) -> Response:
        """Try the ads of one cause once more, or all that are held back."""
        row = pushing_account(account_id)
        with changing("portal.retry_ads", f"portal:{row.id}", label=row.name) as change:
            key = request.form.get("causa")
            cause = overview.cause_of(row.id, key) if key is not None else None
            count = retry(row.id, cause) if cause or key is None else 0
            change.after = {"cars": count}
            ask_for_pass(row.id)
        done(ngettext("%(num)s ad is tried again.", "%(num)s ads are tried again.", count))
        return redirect(f"{HERE}{row.id}/problemas", code=303)

    # --- what would be sent, what was ---

    @at("/<int:account_id>/previa", SEE)
    def preview(self, account_id: int) -> str:
        """Exactly what would be sent of one car."""
        row = advertising_account(account_id)
        text = clean_line(request.args.get("q", ""), LONGEST_SEARCH)
        vehicle = previewed(row, request.args.get("carro", ""), text)
        return self._page(
            row,
            "admin/portals_preview.html",
            "previa",
            text=text,
            car=rows_of([vehicle])[0] if vehicle else None,
            shown=preview_of(row, vehicle, _rules(row)) if vehicle else None,
            mend_path=partial(mend_path, row.kind),
        )

    @at("/<int:account_id>/plano", SEE)
    def plan(self, account_id: int) -> str:
        """Places of the contract, and who waits for one."""
        row = pushing_account(account_id)
        rules = _rules(row)
        statement = within_stores(overview.waiting_line(row.id, rules.order), Vehicle.store_id)
        line = db.session.scalars(statement.limit(MOST_CARS)).all()
        return self._page(
            row,
            "admin/portals_plan.html",
            "plano",
            rows=ad_rows(line, row.kind),
            rules=rules,
            order=ORDER_WORDS.get(rules.order, ""),
        )

    @at("/<int:account_id>/resultado", SEE)
    def results(self, account_id: int) -> str:
        """How fast a change is seen, what the account costs and what it brings."""
        row = advertising_account(account_id)
        brought = overview.brought(row)
        best = list(brought.by_vehicle)[:MOST_CARS]
        return self._page(
            row,
            "admin/portals_results.html",
            "resultado",
            speeds=overview.speeds(row.id) if is_pushed(row.kind) else {},
            brought=brought,
            cars=stock_rows(best),
            took=took,
        )

    @at("/<int:account_id>/historico", SEE)
    def history(self, account_id: int) -> str:
        """What happened to the ads, newest first."""
        row = pushing_account(account_id)
        what = request.args.get("tipo", "")
        what = what if what in EVENT_WORDS else ""
        text = clean_line(request.args.get("q", ""), LONGEST_SEARCH)
        statement = overview.history(row.id, what)
        if text:
            called = overview.in_state(row.id).where(is_called(text)).with_only_columns(Ad.id)
            statement = statement.where(ListingEvent.listing_id.in_(called))
        listing = Listing(
            statement,
            {"quando": ListingEvent.at},
            default="-quando",
            tie=ListingEvent.id.desc(),
        )
        return self._page(
            row,
            "admin/portals_history.html",
            "historico",
            listing=listing,
            cars=cars_of_events(listing.rows),
            event_words=EVENT_WORDS,
            what=what,
            text=text,
            took=took,
        )

    def _page(self, row: PortalAccount, template: str, here: str, **values: Any) -> str:
        counts = overview.counts_of([row.id])[row.id]
        advertiser = overview.advertiser_seen(row.id)
        return str(
            self.render(
                template,
                row=row,
                kind_name=kind_name(row.kind),
                tabs_=tabs_of(row, here, counts.problem),
                counts=counts,
                advertiser=advertiser,
                is_held=advertiser.hold_until is not None and advertiser.hold_until > now(),
                hold_words=HOLD_WORDS,
                state_words=STATE_WORDS,
                state_tags=STATE_TAGS,
                switch_words=SWITCH_WORDS,
                states=overview.STATES,
                **values,
            )
        )


def _rules(row: PortalAccount) -> Rules:
    return Rules.of(overview.advertiser_seen(row.id).rules)


def _say_switched(count: int) -> None:
    done(ngettext("Noted for %(num)s car.", "Noted for %(num)s cars.", count))


def views() -> list[StaffView]:
    """The screens of this module, reached from the list of accounts."""
    return [
        PortalAds(
            name=_l("Ads on portals"),
            category=groups.PORTALS,
            url="/admin/portais",
            endpoint="staff_portal_ads",
        )
    ]
