"""Who is behind a request: Flask-Security with our tables, our sessions, our pages.

Sessions are cookies that only reach /admin/, so that no public page ever sees or sets one. A
cookie holds a token; the row it names is looked up at each request, so that ending a session ends
it now. Of the library we use the parts that neither write nor draw (see `admin.sign_in`).
"""

import hashlib
from typing import Any, Final

from flask import Flask, Request, Response, g, redirect, request, url_for
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_principal import Principal
from flask_security import Security, SQLAlchemyUserDatastore, current_user
from flask_wtf import CSRFProtect
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response as AnyResponse

from admin.sign_in import before_the_door
from core.clock import now
from core.config import BadSetting, Config, current
from core.db import db, writing
from dealership import sessions
from dealership.roles import Role
from dealership.staff import StaffMember, StaffRole

DOOR: Final = "/admin"
SET_UP: Final = "staff_account.second_factor"
# What somebody who must set up a second factor first may still do.
WITHOUT_SECOND_FACTOR: Final = frozenset(
    {
        SET_UP,
        "staff_account.confirm_second_factor",
        "staff_account.ask_passkey",
        "staff_account.add_passkey",
    }
)
csrf = CSRFProtect()


def is_staff_address(path: str) -> bool:
    """Whether the address lies behind the staff door."""
    return path == DOOR or path.startswith(f"{DOOR}/")


class DoorSessions(SecureCookieSessionInterface):
    """Sessions exist behind the staff door only: a public page that merely looked for one would
    say `Vary: Cookie` and could not be kept by a cache."""

    def open_session(  # type: ignore[override]
        self, app: Flask, request: Request
    ) -> SessionMixin | None:
        if not is_staff_address(request.path):
            return self.make_null_session(app)
        return super().open_session(app, request)

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """What a page asks by itself crosses what somebody does: its answer, with the cookie of
        before, would take back what the other has just put there."""
        return session.modified if _asks_by_itself() else super().should_set_cookie(app, session)


def init_accounts(app: Flask, config: Config) -> None:
    """Give `app` its sign-in, sessions and the guard against forged posts. Raises BadSetting."""
    unknown = set(config.require_totp or ()) - {role.value for role in Role}
    if unknown:
        raise BadSetting(f"VITRINE_REQUIRE_TOTP: {', '.join(sorted(unknown))} is no role.")
    app.session_interface = DoorSessions()
    app.config.update(_settings(config))
    csrf.init_app(app)
    app.before_request(_refuse_forgery)
    app.before_request(_know_who)
    security = Security(
        app,
        SQLAlchemyUserDatastore(db, StaffMember, StaffRole),
        register_blueprint=False,
    )
    security.login_manager.user_loader(_member_of)
    security.login_manager.request_loader(lambda _request: None)  # no tokens in addresses
    security.login_manager.session_protection = None  # the row is the session
    _forget_principal(app)
    app.register_blueprint(before_the_door)
    app.after_request(_keep_private)


def _forget_principal(app: Flask) -> None:
    """The library loads an identity before every request, public pages included, for role checks
    that are `admin.door`'s here: it cost a buyer's form a thirtieth of its time."""
    hooks = app.before_request_funcs[None]
    hooks[:] = [hook for hook in hooks if not isinstance(getattr(hook, "__self__", 0), Principal)]


def _settings(config: Config) -> dict[str, Any]:
    return {
        "SESSION_COOKIE_NAME": "vitrine_staff",
        "SESSION_COOKIE_PATH": DOOR,
        "SESSION_COOKIE_HTTPONLY": True,
        "PERMANENT_SESSION_LIFETIME": sessions.IDLE,
        "WTF_CSRF_CHECK_DEFAULT": False,  # public forms are guarded otherwise: see leads.suspicion
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session
        "SECURITY_PASSWORD_SALT": config.secret_key,
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_TOTP_SECRETS": {
            "1": hashlib.sha256(b"staff authenticator:" + config.secret_key.encode()).hexdigest()
        },
        "SECURITY_JOIN_USER_ROLES": False,
        "SECURITY_EMAIL_VALIDATOR_ARGS": {"test_environment": True},
    }


def _refuse_forgery() -> None:
    """A post behind the staff door carries the session's token, or is refused with 400."""
    if is_staff_address(request.path):
        csrf.protect()


def _member_of(token: str) -> StaffMember | None:
    """The login manager asks this once a request: one statement."""
    found = sessions.session_of(token)
    if found is None:
        return None
    member, here = found
    g.staff_session_id, g.staff_session_seen_at = here.id, here.seen_at
    return member


def _know_who() -> AnyResponse | None:
    """Note that the session is in use, and send people who need a second factor to set it up."""
    is_page = is_staff_address(request.path) and request.endpoint not in {"admin.static", None}
    if not is_page or not current_user.is_authenticated:
        return None
    if now() - g.staff_session_seen_at >= sessions.SEEN_EVERY and not _asks_by_itself():
        _note_seen(g.staff_session_id)
    is_open = request.blueprint == before_the_door.name or request.endpoint in WITHOUT_SECOND_FACTOR
    if not is_open and needs_second_factor(current_user):
        return redirect(url_for(SET_UP), code=303)
    return None


def _asks_by_itself() -> bool:
    """Whether a page asks for what is new and nobody touched anything: a desk that was left open
    is no reason to stay signed in."""
    is_stream = "text/event-stream" in request.headers.get("Accept", "")
    return is_stream or "X-Live" in request.headers


def _note_seen(session_id: int) -> None:
    try:
        with writing(wait_seconds=1):
            sessions.note_seen(session_id)
    except OperationalError:
        db.session.rollback()  # busy: nobody is kept from reading; the next request notes it


def needs_second_factor(member: StaffMember) -> bool:
    """Whether VITRINE_REQUIRE_TOTP asks for a second factor that this person does not have yet."""
    return member.role in (current().require_totp or ()) and not member.has_second_factor


def _keep_private(response: Response) -> Response:
    if is_staff_address(request.path) and not request.path.startswith(f"{DOOR}/static/"):
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
