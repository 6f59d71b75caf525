"""`/admin/portais/verdade/`: where do we say something that is not so?"""

from datetime import date, timedelta
from typing import Final

from flask import redirect, request
from flask_babel import format_date, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, at, changing, done, staff
from admin.portal_scope import own_accounts
from admin.portal_truth_rows import groups_of, own_stale_stickers, own_untruths
from core.clock import DEFAULT_ZONE, now, today
from dealership.roles import Permission
from integrators.listings import untruths
from integrators.listings.mending import look_everywhere, mend
from integrators.untruth import MOST_FOUND

SEE: Final = Permission.SEE_PORTALS
EDIT: Final = Permission.EDIT_PORTALS
HERE: Final = "/admin/portais/verdade/"
DAYS: Final = 7
LONGEST_REF: Final = 600


class PortalTruth(StaffView):
    """Every public place that says something false now, with what puts it right."""

    icon = "eye"

    @at("/", SEE)
    def index(self) -> str:
        """The number, then the places."""
        told, stale = own_untruths(), own_stale_stickers()
        found = groups_of(told, stale)
        return str(
            self.render(
                "admin/portal_truth.html",
                count=len(told) + len(stale),
                is_full=len(told) >= MOST_FOUND,
                groups=found,
                can_mend=any(one.fix for one in told),
                last=untruths.last_round(),
                days=_days() if staff().store_ids is None else [],
            )
        )

    @at("/corrigir", EDIT, methods=("POST",))
    def mend(self) -> Response:
        """Put one of them right, or all that a machine can."""
        ref = request.form.get("o-que", "")[:LONGEST_REF]
        chosen = [one for one in own_untruths() if one.fix and ref in {"", one.ref}]
        label = chosen[0].name if ref and chosen else ""
        with changing("portal.mend", label=label) as change:
            count = mend(chosen)
            change.after = {"places": count}
        if not chosen:
            done(_("That is true again already."))
            return redirect(HERE, code=303)
        words = ngettext(
            "%(num)s place is being put right.", "%(num)s places are being put right.", count
        )
        if any(one.fix == "feed" for one in chosen):
            words += " " + _("The feed is made anew: ask the portal to fetch it now.")
        done(words)
        return redirect(HERE, code=303)

    @at("/conferir", EDIT, methods=("POST",))
    def check(self) -> Response:
        """Look at every place now."""
        ids = [row.id for row in own_accounts()]
        with changing("portal.look") as change:
            look_everywhere(ids)
            change.after = {"accounts": len(ids)}
        done(_("Every place is being looked at. The number is new in a minute or two."))
        return redirect(HERE, code=303)


def _days() -> list[tuple[str, int | None]]:
    """The worst number of each of the last days; None for a day that nobody looked on."""
    first = today() - timedelta(days=DAYS - 1)
    worst: dict[date, int] = {}
    for one in untruths.rounds_since(now() - timedelta(days=DAYS)):
        day = one.at.astimezone(DEFAULT_ZONE).date()
        worst[day] = max(worst.get(day, 0), one.untrue)
    if not worst:
        return []
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return [(format_date(day, "EEE dd/MM"), worst.get(day)) for day in days]


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        PortalTruth(
            name=_l("Untrue ads"),
            category=groups.PORTALS,
            url="/admin/portais/verdade",
            endpoint="staff_portal_truth",
        )
    ]
