"""The pages before the door: sign-in, second step, a forgotten password, an invitation.

Our own views over Flask-Security's parts (argon2id, sealed authenticator secrets, the login
manager): the library's views flush wherever they are, and here every write stands in `writing()`,
with argon2 always outside it. Every answer about an address is the same whether an account is
there or not, and takes as long.
"""

import time
from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_security import current_user
from werkzeug.wrappers import Response

from admin import passkeys, staff_mail, tries
from admin.door import local_path
from core.db import db, writing
from core.errors import DomainError
from core.text import clean_line
from dealership import audit, devices, second_factor, sessions
from dealership import passkeys as noun
from dealership.invitations import accept, find_invitation, find_reset
from dealership.passwords import password_digest, password_matches
from dealership.roles import ROLE_NAMES, Role
from dealership.staff import StaffMember, StaffRefused, find_staff, set_password
from leads.reception import network

HOME: Final = "/admin/"
SECOND_STEP_SECONDS: Final = 600
PASSWORD, CODE, PASSKEY, RESET = "password", "code", "passkey", "reset"
Answer = str | Response | tuple[str, int]

# The name the library would use: templates and links speak of "security.login".
before_the_door = Blueprint("security", __name__, url_prefix="/admin")


# --- password --------------------------------------------------------------------------------


@before_the_door.route("/login", methods=["GET", "POST"])
def login() -> Answer:
    """E-mail and password."""
    onward = local_path(request.args.get("next") or request.form.get("next"), HOME)
    if current_user.is_authenticated:
        return redirect(onward, code=303)
    if request.method == "GET":
        return _login_page(onward=onward)
    email, password = _typed("email", 254).lower(), request.form.get("password", "")
    if wait := tries.seconds_to_wait(PASSWORD, email):
        return _login_page(tries.wait_words(wait), 429, email, onward)
    member = find_staff(email)
    is_right = password_matches(member.password if member else None, password)
    if member is None or not is_right or not member.active:
        tries.failed(PASSWORD)
        return _login_page(_("E-mail and password do not match."), 422, email, onward)
    tries.succeeded(PASSWORD, email)
    if member.has_second_factor:
        session.clear()
        session["half"] = [member.id, member.fs_uniquifier[:16], int(time.time()), onward]
        return redirect(url_for("security.code"), code=303)
    return _enter(member, onward)


def _login_page(
    problem: str = "", status: int = 200, email: str = "", onward: str = HOME
) -> Answer:
    onward = "" if onward == HOME else onward
    page = render_template(
        "security/login.html",
        problem=problem,
        email=email,
        onward=onward,
        has_passkeys=bool(passkeys.origin()),
    )
    return page, status


# --- second step -----------------------------------------------------------------------------


@before_the_door.route("/login/codigo", methods=["GET", "POST"])
def code() -> Answer:
    """The authenticator's code, or a recovery code."""
    member, onward = _half_way()
    if member is None:
        return redirect(url_for("security.login"), code=303)
    if request.method == "GET":
        return _code_page(member, onward)
    if wait := tries.seconds_to_wait(CODE, str(member.id)):
        return _code_page(member, onward, tries.wait_words(wait), 429)
    if not _is_second_factor(member, _typed("code", 40)):
        tries.failed(CODE)
        words = _("This code is not right, or was used already. Wait for the next one.")
        return _code_page(member, onward, words, 422)
    tries.succeeded(CODE, str(member.id))
    return _enter(member, onward)


def _code_page(member: StaffMember, onward: str, problem: str = "", status: int = 200) -> Answer:
    page = render_template(
        "security/code.html",
        problem=problem,
        onward="" if onward == HOME else onward,
        has_app=member.has_app,
        has_passkeys=member.has_passkeys and bool(passkeys.origin()),
    )
    return page, status


def _half_way() -> tuple[StaffMember | None, str]:
    """Who gave the right password a moment ago, and where they were going."""
    member_id, mark, at, onward = session.get("half") or (0, "", 0, HOME)
    if time.time() - at > SECOND_STEP_SECONDS:
        return None, HOME
    member = db.session.get(StaffMember, member_id)
    if member is None or not member.active or member.fs_uniquifier[:16] != mark:
        return None, HOME
    return member, onward


def _is_second_factor(member: StaffMember, typed: str) -> bool:
    """Whether `typed` is a code of the app or one of the recovery codes, and takes it."""
    step = second_factor.step_of(member.tf_totp_secret or "", typed)
    if step is not None:
        with writing():
            return second_factor.use_step(member, step)
    with writing():
        if not second_factor.use_recovery_code(member, typed):
            return False
        left = len(member.mf_recovery_codes or [])
        _record(member, "account.recovery_code", after={"codes_left": left})
    flash(_("You used a recovery code; %(n)s are left.", n=left), "done")
    return True


# --- passkey ---------------------------------------------------------------------------------


@before_the_door.route("/login/chave/pedido", methods=["POST"])
def ask_for_passkey() -> tuple[dict[str, Any], int]:
    """What the browser is to ask the device, as JSON; the same for everybody."""
    if not passkeys.origin():
        abort(404)
    challenge = passkeys.new_challenge(passkeys.SIGN_IN)
    return {"options": noun.sign_in_options(passkeys.origin(), challenge)}, 200


@before_the_door.route("/login/chave", methods=["POST"])
def enter_by_passkey() -> Answer:
    """A device's answer: it checked who holds it, so it is password and code in one."""
    onward = local_path(request.form.get("next"), HOME)
    if wait := tries.address_to_wait(PASSKEY):
        return _login_page(tries.wait_words(wait), 429, onward=onward)
    try:
        challenge = passkeys.take_challenge(passkeys.SIGN_IN)
        answer = request.form.get("credential", "")
        member, proof = noun.prove(answer, challenge, passkeys.origin())
        return _enter(member, onward, proof=proof)
    except noun.PasskeyRefused as error:
        tries.failed(PASSKEY)
        return _login_page(str(error), 422, onward=onward)


def _enter(member: StaffMember, onward: str, *, proof: noun.Proof | None = None) -> Response:
    """Sign `member` in here: a new session in the table and in the cookie, whatever was in it.
    Raises PasskeyRefused for a proof that was used already."""
    with writing():
        if proof and not noun.use(proof):
            raise noun.PasskeyRefused(_("That took too long. Try again."))
        token = sessions.start_session(
            member,
            network=network(request.remote_addr or ""),
            browser=sessions.browser_name(request.headers.get("User-Agent", "")),
        )
        opened = sessions.session_of(token)
        if opened:
            devices.follow(request.cookies.get(devices.COOKIE, ""), member.id, opened[1].id)
        _record(member, "account.sign_in_passkey" if proof else "account.sign_in")
    kept = session.get("_flashes", [])
    session.clear()
    session.permanent = True
    session["_user_id"], session["_fresh"] = token, True
    if kept:
        session["_flashes"] = kept
    return redirect(onward, code=303)


@before_the_door.route("/sair", methods=["POST"])
def logout() -> Response:
    """End this browser's session."""
    found = sessions.session_of(session.get("_user_id", ""))
    if found:
        member, here = found
        with writing():
            sessions.end_session(member, here.id)
            _record(member, "account.sign_out")
    session.clear()
    return redirect(url_for("security.login"), code=303)


# --- forgotten password ------------------------------------------------------------------------


@before_the_door.route("/senha", methods=["GET", "POST"])
def forgot() -> Answer:
    """Ask for a link by mail."""
    if request.method == "GET":
        return render_template("security/forgot.html", problem="", email="", asked=False)
    email = _typed("email", 254).lower()
    page: dict[str, Any] = {"email": email, "asked": False}
    if "@" not in email:
        words = _("Type the e-mail of your account.")
        return render_template("security/forgot.html", problem=words, **page), 422
    if wait := tries.seconds_to_wait(RESET, email):
        return render_template("security/forgot.html", problem=tries.wait_words(wait), **page), 429
    tries.failed(RESET)  # every mail asked for counts
    with writing():
        staff_mail.ask_reset(email)
    return render_template("security/forgot.html", problem="", email=email, asked=True)


@before_the_door.route("/senha/nova/<token>", methods=["GET", "POST"])
def new_password(token: str) -> Answer:
    """Choose a new password through the mailed link."""
    member = find_reset(token)
    if member is None:
        return _dead_link(_("Ask for a new link: this one was used or is too old."), "/admin/senha")
    email = member.email
    if request.method == "GET":
        return render_template("security/new_password.html", problem="", email=email)
    try:
        digest = _chosen_digest()
    except DomainError as error:
        page = render_template("security/new_password.html", problem=str(error), email=email)
        return page, 422
    with writing():
        member = find_reset(token)  # another browser may have been quicker
        if member is None:
            abort(404)
        set_password(member, digest)
        _record(member, "account.password")
        staff_mail.ask_changed(member)
    session.clear()
    flash(_("Your password was changed. Sign in with it."), "done")
    return redirect(url_for("security.login"), code=303)


# --- invitation --------------------------------------------------------------------------------


@before_the_door.route("/convite/<token>", methods=["GET", "POST"])
def invitation(token: str) -> Answer:
    """Take an invitation: a name, a password, and in."""
    found = find_invitation(token)
    if found is None:
        return _dead_link(
            _("This invitation was used, withdrawn or is too old. Ask for another one."),
            "/admin/login",
        )
    page: dict[str, Any] = {
        "email": found.email,
        "role": ROLE_NAMES[Role(found.role)],
        "name": _typed("name", 80) if request.method == "POST" else found.name,
        "problem": "",
    }
    if request.method == "GET":
        return render_template("security/invitation.html", **page)
    try:
        if not page["name"]:
            raise StaffRefused(_("Type your name."))
        digest = _chosen_digest()
        with writing():
            member = accept(found, digest, name=page["name"])
            _record(member, "staff.join", after={"role": member.role})
    except DomainError as error:
        return render_template("security/invitation.html", **page | {"problem": str(error)}), 422
    return _enter(member, HOME)


# --- shared --------------------------------------------------------------------------------------


def _chosen_digest() -> str:
    """The digest of the password typed twice. Raises PasswordRefused and StaffRefused."""
    password = request.form.get("password", "")
    digest = password_digest(password)
    if password != request.form.get("again", ""):
        raise StaffRefused(_("The two passwords are not the same. Type both again."))
    return digest


def _dead_link(words: str, onward: str) -> Answer:
    title = _("This link no longer works")
    return render_template("security/dead_link.html", title=title, text=words, onward=onward), 410


def _record(member: StaffMember, action: str, **facts: Any) -> None:
    audit.record(
        member.email,
        action,
        f"staff:{member.id}",
        label=member.shown_name,
        network=network(request.remote_addr or ""),
        **facts,
    )


def _typed(name: str, limit: int) -> str:
    return clean_line(request.form.get(name, ""), limit)
