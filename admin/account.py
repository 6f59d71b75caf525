"""`/admin/conta/`: one's own account."""

import io
from contextlib import AbstractContextManager
from typing import Any, Final

import segno
from flask import g, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from werkzeug.wrappers import Response

from admin import passkeys, staff_mail, tries
from admin.accounts import needs_second_factor
from admin.door import Change, StaffView, answer, at, changing, done, found, staff
from core.config import current
from core.db import writing
from core.errors import DomainError
from core.text import clean_line
from dealership import passkeys as noun
from dealership import second_factor, sessions
from dealership.identity import identity
from dealership.passwords import password_digest, password_matches
from dealership.roles import Permission
from dealership.staff import StaffRefused, rename, set_password

HERE: Final = "/admin/conta/"
_TRIED: Final = "own password"
Answer = str | Response | tuple[str, int]


class Account(StaffView):
    """Name, password, second factor, passkeys, open sessions."""

    icon = "shield"
    in_menu = False

    @at("/", Permission.SEE_HOME)
    def index(self) -> Answer:
        """What the person may change about the account."""
        return self._page()

    @at("/nome", Permission.SEE_HOME, methods=("POST",))
    def rename(self) -> Answer:
        """How colleagues call the person."""
        member = staff()
        name = clean_line(request.form.get("name", ""), 80)
        try:
            with _changing("account.name") as change:
                change.before = {"name": member.name}
                rename(member, name)
                change.after = {"name": member.name}
        except DomainError as error:
            return answer(error, HERE)
        done(_("Your name was saved."))
        return redirect(HERE, code=303)

    @at("/senha", Permission.SEE_HOME, methods=("POST",))
    def change_password(self) -> Answer:
        """Another password; all other browsers are signed out."""
        member, password = staff(), request.form.get("password", "")
        try:
            _prove_oneself()
            digest = password_digest(password)
            if password != request.form.get("again", ""):
                raise StaffRefused(_("The two passwords are not the same. Type both again."))
            with _changing("account.password"):
                set_password(member, digest, keep_session_id=g.staff_session_id)
                staff_mail.ask_changed(member)
        except DomainError as error:
            return self._page(password_problem=str(error)), 422
        done(_("Your password was changed. All other browsers were signed out."))
        return redirect(HERE, code=303)

    # --- second factor ---

    @at("/segundo-fator", Permission.SEE_HOME)
    def second_factor(self) -> Answer:
        """The QR code for the authenticator app."""
        if staff().has_app:
            return redirect(HERE, code=303)
        return self._set_up_page()

    @at("/segundo-fator", Permission.SEE_HOME, methods=("POST",))
    def confirm_second_factor(self) -> Answer:
        """The first code of the app switches the second factor on; the recovery codes follow."""
        member, secret = staff(), session.get("new_factor", "")
        if member.has_app:
            return redirect(HERE, code=303)
        if wait := tries.seconds_to_wait(_TRIED, member.email):
            return self._set_up_page(tries.wait_words(wait)), 429
        step = second_factor.step_of(secret, request.form.get("code", "")) if secret else None
        if step is None:
            return self._set_up_page(
                _("This code is not right. Wait for the next one and type it.")
            ), 422
        tries.succeeded(_TRIED, member.email)
        with _changing("account.second_factor_on"):
            codes = second_factor.switch_on(member, secret, step)
            sessions.end_sessions(member, except_id=g.staff_session_id)
        session.pop("new_factor", None)
        return self._codes_page(codes)

    @at("/segundo-fator/codigos", Permission.SEE_HOME, methods=("POST",))
    def renew_codes(self) -> Answer:
        """New recovery codes, shown once."""
        member = staff()
        found(member if member.has_second_factor else None)
        try:
            _prove_oneself()
        except DomainError as error:
            return self._page(factor_problem=str(error)), 422
        with _changing("account.recovery_codes"):
            codes = second_factor.renew_recovery_codes(member)
        return self._codes_page(codes)

    @at("/segundo-fator/desligar", Permission.SEE_HOME, methods=("POST",))
    def switch_off(self) -> Answer:
        """Without the second factor again, where the role does not need it."""
        member = staff()
        try:
            if _is_factor_required() and not member.has_passkeys:
                raise StaffRefused(_("Your role works with a second factor only."))
            _prove_oneself()
            with _changing("account.second_factor_off"):
                second_factor.switch_off(member)
        except DomainError as error:
            return self._page(factor_problem=str(error)), 422
        if member.has_passkeys:
            done(_("The app is switched off. A passkey is asked for besides the password."))
        else:
            done(_("The second factor is off. Your password alone opens the account now."))
        return redirect(HERE, code=303)

    # --- passkeys ---

    @at("/chaves/pedido", Permission.SEE_HOME, methods=("POST",))
    def ask_passkey(self) -> tuple[dict[str, Any], int]:
        """With the password again: what the browser is to ask the device, as JSON."""
        member = staff()
        found(passkeys.origin() or None)
        try:
            _prove_oneself()
        except DomainError as error:
            return {"problem": str(error)}, 422
        challenge = passkeys.new_challenge(passkeys.NEW)
        with writing():
            options = noun.registration_options(member, passkeys.origin(), challenge)
        return {"options": options}, 200

    @at("/chaves", Permission.SEE_HOME, methods=("POST",))
    def add_passkey(self) -> Answer:
        """The device's answer: from now on it signs in."""
        member = staff()
        name = clean_line(request.form.get("name", ""), noun.LONGEST_NAME)
        try:
            challenge = passkeys.take_challenge(passkeys.NEW)
            passkey = noun.new_passkey(
                request.form.get("credential", ""), challenge, passkeys.origin(), name=name
            )
            with _changing("account.passkey_add") as change:
                codes = noun.add(member, passkey)
                change.after = {"name": passkey.name}
                if codes:
                    sessions.end_sessions(member, except_id=g.staff_session_id)
        except DomainError as error:
            return self._page(passkey_problem=str(error)), 422
        if codes:
            return self._codes_page(codes)
        done(_("The passkey signs you in from now on."))
        return redirect(HERE, code=303)

    @at("/chaves/<int:passkey_id>/remover", Permission.SEE_HOME, methods=("POST",))
    def remove_passkey(self, passkey_id: int) -> Answer:
        """The passkey opens nothing any more."""
        member = staff()
        own = {one.id: one for one in noun.passkeys_of(member)}
        passkey = found(own.get(passkey_id))
        try:
            _prove_oneself()
            with _changing("account.passkey_remove") as change:
                change.before = {"name": passkey.name}
                noun.remove(member, passkey, is_factor_required=_is_factor_required())
        except DomainError as error:
            return self._page(passkey_problem=str(error)), 422
        done(_("The passkey opens nothing any more. Delete it on the device too."))
        return redirect(HERE, code=303)

    # --- sessions ---

    @at("/sessoes/<int:session_id>/sair", Permission.SEE_HOME, methods=("POST",))
    def end_session(self, session_id: int) -> Answer:
        """Sign out of one browser, also of this one."""
        member, is_here = staff(), session_id == g.staff_session_id
        found(
            member if any(one.id == session_id for one in sessions.open_sessions(member)) else None
        )
        with _changing("account.sign_out"):
            sessions.end_session(member, session_id)
        if is_here:
            session.clear()
            return redirect(url_for("security.login"), code=303)
        done(_("That browser was signed out."))
        return redirect(HERE, code=303)

    @at("/sessoes/sair", Permission.SEE_HOME, methods=("POST",))
    def end_all(self) -> Answer:
        """Sign out everywhere, this browser included."""
        with _changing("account.sign_out_everywhere") as change:
            change.after = {"browsers": sessions.end_sessions(staff())}
        session.clear()
        return redirect(url_for("security.login"), code=303)

    # --- pages ---

    def _page(self, **problems: str) -> str:
        member = staff()
        return str(
            self.render(
                "admin/account.html",
                sessions=sessions.open_sessions(member),
                here_id=g.staff_session_id,
                codes_left=len(member.mf_recovery_codes or []),
                factor_is_required=_is_factor_required(),
                passkeys=noun.passkeys_of(member),
                passkey_origin=passkeys.origin(),
                passkey_name=_this_browser(),
                **{"password_problem": "", "factor_problem": "", "passkey_problem": "", **problems},
            )
        )

    def _set_up_page(self, problem: str = "") -> str:
        secret = session.setdefault("new_factor", second_factor.new_secret())
        return str(
            self.render(
                "admin/account_factor.html",
                qr=qr_svg(second_factor.app_address(secret, staff().email)),
                key=second_factor.typed_key(secret),
                problem=problem,
                is_required=needs_second_factor(staff()),
                passkey_origin=passkeys.origin(),
                passkey_name=_this_browser(),
            )
        )

    def _codes_page(self, codes: list[str]) -> str:
        heading = _("Recovery codes for %(dealer)s", dealer=identity().name)
        file = "\r\n".join([f"{heading} ({staff().email})", "", *codes, ""])
        return str(self.render("admin/account_codes.html", codes=codes, file=file))


def qr_svg(text: str) -> Markup:
    """`text` as a QR code to stand inside a page; dark on light, whatever the page's colours."""
    out = io.BytesIO()
    segno.make(text, error="m").save(
        out, kind="svg", xmldecl=False, svgns=False, border=4, omitsize=True, light="#ffffff",
        svgclass="qr", lineclass=None,
    )  # fmt: skip
    return Markup(out.getvalue().decode())  # noqa: S704 - drawn here, holds no text


def _changing(action: str) -> AbstractContextManager[Change]:
    return changing(action, f"staff:{staff().id}", label=staff().shown_name)


def _is_factor_required() -> bool:
    return staff().role in (current().require_totp or ())


def _this_browser() -> str:
    return sessions.browser_name(request.headers.get("User-Agent", ""))


def _prove_oneself() -> None:
    """The password again: an open browser left alone is not enough. Raises StaffRefused."""
    member = staff()
    if wait := tries.seconds_to_wait(_TRIED, member.email):
        raise StaffRefused(tries.wait_words(wait))
    if not password_matches(member.password, request.form.get("current", "")):
        tries.failed(_TRIED)
        raise StaffRefused(_("This is not your present password."))
    tries.succeeded(_TRIED, member.email)


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [Account(name=_l("Your account"), url="/admin/conta", endpoint="staff_account")]
