"""`/admin/conta/avisos/`: what one is told while no page is open, in which browsers, and when."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from flask import Blueprint, current_app, g, jsonify, redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.door import Change, StaffView, answer, at, changing, done, found, staff
from core.clock import DEFAULT_ZONE, now
from core.config import current
from core.db import writing
from core.errors import DomainError
from core.web_push import Subscription
from dealership import devices, notices
from dealership.devices import Browser, PushDevice
from dealership.identity import identity
from dealership.notices import KINDS, Kind, Notice, Way
from dealership.roles import Permission, Role
from dealership.sessions import browser_name
from leads.notice_sending import note_trial, try_device

HERE: Final = "/admin/conta/avisos/"
COOKIE_SECONDS: Final = 400 * 24 * 3600  # the longest that browsers keep one
WAY_NAMES: Final = {Way.PUSH: _l("Notice"), Way.MAIL: _l("E-mail")}
OUTCOMES: Final = {
    "": _l("on its way"),
    "waiting": _l("on its way"),
    "sent": _l("it was sent"),
    "no_device": _l("no browser was switched on"),
    "unwanted": _l("you do not want this one"),
    "paused": _l("you had paused"),
    "off_shift": _l("you were off shift"),
    "over": _l("it was settled before"),
    "late": _l("it was too late for it"),
    "gone": _l("the browser takes none any more"),
    "failed": _l("the browser's push service did not take it"),
}
Answer = str | Response | tuple[str, int]
# What a browser fetches by itself when the site is on its home screen or shows notices: the same
# for everybody, so also for who is signed out.
installed = Blueprint("staff_app", __name__, url_prefix="/admin")


@dataclass(frozen=True)
class Row:
    """One kind of notice in the table of wishes."""

    kind: Kind
    name: str
    ways: frozenset[Way]


class Notices(StaffView):
    """One's own notices: nobody sees or changes another's."""

    icon = "bell"
    in_menu = False

    @at("/", Permission.SEE_HOME)
    def index(self) -> str:
        """What is told, where it is shown, and what was told last."""
        member, wishes = staff(), notices.wishes_of(staff().id)
        rows = [
            Row(kind, str(KINDS[kind].name), wishes.ways(kind))
            for kind in notices.kinds_for(Role(member.role))
        ]
        paused_until = wishes.paused_until if wishes.is_paused(now()) else None
        return str(
            self.render(
                "admin/notices.html",
                rows=rows,
                ways=WAY_NAMES,
                only_on_shift=wishes.only_on_shift,
                paused_until=paused_until,
                devices=devices.devices_of(member.id),
                newest_key_id=devices.newest_key_id(),
                latest=[(one, _outcome(one)) for one in notices.latest_of(member.id)],
                kinds=KINDS,
            )
        )

    @at("/", Permission.SEE_HOME, methods=("POST",))
    def save(self) -> Answer:
        """Keep what the person wants to be told, and how."""
        member = staff()
        chosen = {
            kind: [way for way in Way if way in request.form.getlist(kind)]
            for kind in notices.kinds_for(Role(member.role))
        }
        with _changing("account.notices"):
            notices.wish(member.id, chosen, only_on_shift="no-turno" in request.form)
        done(_("Your notices were saved."))
        return redirect(HERE, code=303)

    @at("/pausa", Permission.SEE_HOME, methods=("POST",))
    def pause(self) -> Answer:
        """No notices before a time of the day, today or tomorrow; without one they go on."""
        try:
            until = _next(request.form.get("ate", ""))
        except ValueError:
            return answer(DomainError(_("Type a time, such as 14:30.")), HERE)
        with _changing("account.notices"):
            notices.pause_until(staff().id, until)
        done(_("Your notices are paused.") if until else _("Your notices go on."))
        return redirect(HERE, code=303)

    # --- browsers ---

    @at("/chave", Permission.SEE_HOME, methods=("POST",))
    def key(self) -> dict[str, str]:
        """What the browser needs to let this site push to it, as JSON."""
        with writing():
            return {"key": devices.public_key()}

    @at("/aparelhos", Permission.SEE_HOME, methods=("POST",))
    def add(self) -> Response | tuple[dict[str, str], int]:
        """The browser's answer: from now on it is pushed to."""
        form = request.form
        to = Subscription(form.get("endpoint", ""), form.get("p256dh", ""), form.get("auth", ""))
        cookie = request.cookies.get(devices.COOKIE) or devices.new_cookie()
        name = browser_name(request.headers.get("User-Agent", ""))
        here = Browser(g.staff_session_id, cookie, name)
        try:
            with _changing("account.device_add") as change:
                device = devices.add_device(staff().id, to, form.get("chave", ""), here)
                change.after = {"name": device.name}
        except DomainError as error:
            return {"problem": str(error)}, 422
        told = jsonify({"id": device.id})
        told.set_cookie(
            devices.COOKIE,
            cookie,
            max_age=COOKIE_SECONDS,
            path="/admin",
            secure=current().base_url.startswith("https:"),
            httponly=True,
            samesite="Lax",
        )
        return told

    @at("/aparelhos/<int:device_id>/testar", Permission.SEE_HOME, methods=("POST",))
    def try_out(self, device_id: int) -> Answer:
        """Push a trial now, and say what the push service answered."""
        device = _own(device_id)
        result = try_device(device)
        with writing():
            note_trial(device_id, result)
        if result.state == "sent":
            done(
                _("The push service took the notice. It shows up here if notices are not silenced.")
            )
        elif result.state == "gone":
            words = _("This browser takes no notices any more; it was removed. Switch it on again.")
            return answer(DomainError(words), HERE)
        else:
            return answer(DomainError(_("It was not sent. %(why)s", why=result.problem)), HERE)
        return redirect(HERE, code=303)

    @at("/aparelhos/<int:device_id>/remover", Permission.SEE_HOME, methods=("POST",))
    def remove(self, device_id: int) -> Answer:
        """Nothing is pushed to that browser any more."""
        device = _own(device_id)
        with _changing("account.device_remove") as change:
            change.before = {"name": device.name}
            devices.remove_device(device_id)
        done(_("That browser gets no notices any more."))
        return redirect(HERE, code=303)


@installed.route("/sw.js")
def worker() -> Response:
    """The script that shows notices; from here it may serve /admin/ and nothing else."""
    return current_app.send_static_file("admin-worker.js")


@installed.route("/app.webmanifest")
def manifest() -> Response:
    """What the site is called on a home screen, and where it opens."""
    facts = {
        "name": identity().name,
        "short_name": identity().name[:12],
        "lang": "pt-BR",
        "id": "/admin/",
        "start_url": "/admin/atendimento/",
        "scope": "/admin/",
        "display": "standalone",
        "background_color": "#faf8f5",
        "theme_color": "#1b1a17",
        "icons": [{"src": "/static/icon-192.png", "sizes": "192x192", "type": "image/png"}],
    }
    told = jsonify(facts)
    told.mimetype = "application/manifest+json"
    return told


def _own(device_id: int) -> PushDevice:
    mine = {one.id: one for one in devices.devices_of(staff().id)}
    device: PushDevice = found(mine.get(device_id))
    return device


def _next(text: str) -> datetime | None:
    """The next instant at which clocks show `text`; None for none. Raises ValueError."""
    if not text.strip():
        return None
    clock = time.fromisoformat(text.strip()[:5])
    local = now().astimezone(DEFAULT_ZONE)
    until = local.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return until if until > local else until + timedelta(days=1)


def _outcome(notice: Notice) -> str:
    """What became of it, in words."""
    words = [str(OUTCOMES.get(notice.push, notice.push))]
    if notice.mail == "sent":
        words.append(str(_("e-mail sent")))
    return " · ".join(words)


def _changing(action: str) -> AbstractContextManager[Change]:
    return changing(action, f"staff:{staff().id}", label=staff().shown_name)


def views() -> Sequence[StaffView]:
    """The screens of this module, for the door."""
    return [Notices(name=_l("Notices"), url="/admin/conta/avisos", endpoint="staff_notices")]
