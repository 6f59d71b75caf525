"""`/admin/atendimento/`: the attendants' desk. The next best lead on top, mine below, live."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from flask import abort, redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import NoResultFound
from werkzeug.wrappers import Response

from admin import groups
from admin.desk import rows
from admin.desk.live import desk_version
from admin.desk.repeats import just_claimed
from admin.door import StaffView, at, done, may, staff
from admin.home import expected_today
from admin.leads import own_lead
from admin.stock_scope import own_stores
from core.db import db, writing
from dealership import devices, presence
from dealership.models import Store
from dealership.presence import PAUSE_NAMES, PauseReason
from dealership.roles import Permission
from leads.pipeline.queue import AlreadyClaimed, claim, waiting

DESK: Final = "/admin/atendimento/"


class Desk(StaffView):
    """The queue and what is mine."""

    icon = "headset"

    @at("/", Permission.WORK_LEADS)
    def index(self) -> str:
        """The desk. It is open: whoever sees it is there."""
        presence.beat(staff().id)
        return self._page("admin/desk.html")

    @at("/fila", Permission.WORK_LEADS)
    def lists(self) -> str:
        """The part of the desk that changes by itself."""
        presence.beat(staff().id)  # a page that is hidden asks for nothing
        return self._page("admin/desk_lists.html")

    def _page(self, template: str) -> str:
        me, version = staff(), desk_version()
        stores = list(db.session.scalars(sa.select(Store).order_by(Store.position, Store.id)))
        by_id = {one.id: one for one in stores}
        queue = rows.waiting_rows(me.store_ids, by_id)
        is_supervisor = may(Permission.MANAGE_STAFF)
        late, late_count = rows.late_rows(me.store_ids, by_id) if is_supervisor else ([], 0)
        shown_above = {one.lead.id for one in late if one.is_free}
        here = presence.presence_of(me.id)
        return str(
            self.render(
                template,
                version=version,
                waiting=[one for one in queue if one.lead.id not in shown_above],
                waiting_count=rows.count_waiting(me.store_ids) - len(shown_above),
                counted=rows.COUNTED,
                mine=rows.my_rows(me.id),
                expected=expected_today(own_stores()),
                late=late,
                late_count=late_count,
                is_supervisor=is_supervisor,
                many_stores=len(stores) > 1,
                pause=PAUSE_NAMES.get(PauseReason(here.pause_reason))
                if here and here.is_paused and here.pause_reason
                else None,
                is_paused=bool(here and here.is_paused),
                pauses=PAUSE_NAMES,
                hears_nothing=not devices.has_device(me.id),
            )
        )

    @at("/<int:lead_id>/assumir", Permission.WORK_LEADS, methods=("POST",))
    def claim(self, lead_id: int) -> Response | tuple[str, int]:
        """Take a waiting lead: 303 to it for who gets it, 409 for everybody else."""
        own_lead(lead_id)
        me = staff()
        try:
            with writing():
                claim(lead_id, me)
        except NoResultFound:
            abort(404)
        except AlreadyClaimed as error:
            return str(self.render("admin/desk_taken.html", words=str(error))), 409
        return redirect(f"{DESK}{lead_id}/", code=303)

    @at("/proximo", Permission.WORK_LEADS, methods=("POST",))
    def claim_next(self) -> Response:
        """Take the best lead that waits. Of several who ask at once, each gets another one."""
        me = staff()
        with writing():
            lead_id = just_claimed(me.id, me.email)  # clicked twice: one lead
            if lead_id is None:
                best = waiting(me.store_ids).limit(1).with_for_update(skip_locked=True)
                lead = db.session.scalars(best).first()
                lead_id = claim(lead.id, me).id if lead is not None else None
        if lead_id is None:
            done(_("Nobody waits now."))
            return redirect(DESK, code=303)
        return redirect(f"{DESK}{lead_id}/", code=303)

    @at("/presenca", Permission.WORK_LEADS, methods=("POST",))
    def presence(self) -> Response:
        """I am there, or pause; no new lead is handed to who pauses."""
        reason = request.form.get("pausa", "")
        with writing():
            if reason in set(PauseReason):
                presence.pause(staff().id, PauseReason(reason))
            else:
                presence.resume(staff().id)
        return redirect(DESK, code=303)


def views() -> Sequence[StaffView]:
    return [
        Desk(
            name=_l("Desk"), category=groups.LEADS, url="/admin/atendimento", endpoint="staff_desk"
        )
    ]
