"""What tells open desks that something happened: `/admin/atendimento/ao-vivo`, and a number to
ask for every few seconds where no stream is to be had."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from flask import session
from sqlalchemy import event
from sqlalchemy.orm import object_session
from werkzeug.wrappers import Response

from admin.door import StaffView, at, staff
from core.db import db
from core.live import live_response, register_channel, version_response, wants_stream
from core.wakeup import wake_after_commit
from dealership import presence
from dealership.roles import Permission
from dealership.sessions import session_of
from leads.models import LeadEvent

DESK: Final = "desk"
LAST_EVENTS: Final = 200


def desk_version() -> int:
    """A number that no event of any lead leaves as it was.

    The greatest id alone would not do: of two writers at once, PostgreSQL may commit the later id
    first. So the events among the last ids are counted too.
    """
    newest = sa.select(sa.func.max(LeadEvent.id)).scalar_subquery()
    greatest, count = db.session.execute(
        sa.select(sa.func.max(LeadEvent.id), sa.func.count()).where(
            LeadEvent.id > newest - LAST_EVENTS
        )
    ).one()
    return int(greatest or 0) * 1000 + int(count)


register_channel(DESK, desk_version)


@event.listens_for(LeadEvent, "after_insert")
def _announce(_mapper: Any, _connection: Any, row: LeadEvent) -> None:
    if written := object_session(row):
        wake_after_commit(written)


class Live(StaffView):
    """For scripts: it has no page and is in no menu."""

    in_menu = False

    @at("/ao-vivo", Permission.WORK_LEADS)
    def stream(self) -> Response:
        """The stream of what happens; who is no EventSource gets the version alone."""
        if not wants_stream():
            return version_response(DESK)
        token = session["_user_id"]
        return live_response(DESK, lambda: _may_listen(token))

    @at("/versao", Permission.WORK_LEADS)
    def version(self) -> Response:
        """For who polls: `{"version": n}`, 304 while nothing happened."""
        presence.beat(staff().id)
        return version_response(DESK)


def _may_listen(token: str) -> bool:
    """Whether the session goes on and its owner still works leads."""
    found = session_of(token)
    if found is None or not found[0].may(Permission.WORK_LEADS):
        return False
    presence.beat(found[0].id)  # only a page that is seen keeps its stream
    return True


def views() -> Sequence[StaffView]:
    return [Live(name="Live", url="/admin/atendimento", endpoint="staff_live")]
