"""`/admin/identidade/`: name, logo, colours and financing terms."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from flask import abort, g, make_response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, found, staff
from admin.identity_form import IdentityForm, differing, form_of
from admin.meanwhile import Meanwhile, meanwhile
from content import media
from content.media import MediaRefused
from core.config import current
from core.db import db
from core.headers import allow_being_framed, allow_framing
from dealership import looks
from dealership.branding import DARK_SURFACE, LIGHT_SURFACE, contrast, palette
from dealership.editing import ChangedMeanwhile, SettingRefused, check_mark, mark_of
from dealership.identity import identity
from dealership.looks import IdentityFacts
from dealership.models import IdentityVersion
from dealership.roles import Permission
from inventory import search
from leads import letters
from showroom.theme import stylesheet_for

HERE: Final = "/admin/identidade/"
EDIT: Final = Permission.EDIT_IDENTITY
SUBJECT: Final = "identity"
SAMPLE_SECONDS: Final = 3600
SAMPLES: Final = ("inicio", "oferta", "email")
SCHEMES: Final = ("claro", "escuro")
SHOWN_CARS: Final = 3
# A mail holds its looks inside: it stands in a frame that may run and load nothing.
MAIL_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox"
)
Answer = str | Response | tuple[str, int]


class IdentityView(StaffView):
    """Who the group is and how it looks, with samples before saving."""

    icon = "palette"

    def is_visible(self) -> bool:
        """The identity is the group's: people tied to stores have no part in it."""
        return super().is_visible() and staff().store_ids is None

    @at("/", EDIT)
    def index(self) -> Answer:
        """The form, filled with what is kept."""
        facts = _for_the_group()
        return self._page(form_of(facts), facts)

    @at("/", EDIT, methods=("POST",))
    def save(self) -> Answer:
        """Save, or show samples of what was typed."""
        now = _for_the_group()
        form = IdentityForm(request.form, known_font=now.font_family)
        try:
            typed = form.facts(_chosen_logo(now))
            if request.form.get("do") == "preview":
                return self._page(form, looks.cleaned(typed, now.font_family), is_sample=True)
            with changing("identity.change", SUBJECT) as change:
                before = looks.facts_of(looks.held_row())
                check_mark(request.form.get("visto", ""), before)
                version = looks.change_identity(typed, by=staff().email)
                version_id = version.id if version else None
                after = looks.facts_of(looks.held_row())
                change.label = after.name
                change.before, change.after = _told(before), _told(after)
        except SettingRefused as refusal:
            form.show_problems(refusal.problems)
            return self._page(form, now), 422
        except MediaRefused as refusal:
            return self._page(form, now, logo_problem=str(refusal)), 422
        except ChangedMeanwhile:
            now = looks.facts_now()
            return self._page(form, now, conflict=meanwhile(SUBJECT, differing(form, now))), 409
        done(
            _("Saved. The site looks so now."),
            undo=f"{HERE}{version_id}/voltar" if version_id else "",
        )
        return redirect(HERE, code=303)

    @at("/<int:version_id>/voltar", EDIT, methods=("POST",))
    def take_back(self, version_id: int) -> Answer:
        """Name and looks as they were before a change."""
        _for_the_group()
        version: IdentityVersion = found(db.session.get(IdentityVersion, version_id))
        try:
            with changing("identity.take_back", SUBJECT) as change:
                change.before = _told(looks.facts_of(looks.held_row()))
                between = looks.take_back(version, by=staff().email)
                between_id = between.id if between else None
                change.after = _told(looks.facts_of(looks.held_row()))
        except SettingRefused as refusal:
            return answer(refusal, HERE)
        done(
            _("The site looks as before."),
            undo=f"{HERE}{between_id}/voltar" if between_id else "",
        )
        return redirect(HERE, code=303)

    @at("/amostra/<token>/<what>/<scheme>", EDIT)
    def sample(self, token: str, what: str, scheme: str) -> Answer:
        """A page or a mail in looks that are not saved; stands in a frame."""
        facts = _sampled(token)
        if what not in SAMPLES or scheme not in SCHEMES:
            abort(404)
        g.dealer = looks.sample_identity(facts, identity())
        if what == "email":
            return _mail()
        allow_being_framed()
        offers = search.find_offers(search.listed_ids()[:SHOWN_CARS])
        return str(
            self.render(
                "admin/identity_sample.html", what=what, scheme=scheme, token=token, offers=offers
            )
        )

    @at("/amostra/<token>/<scheme>.css", EDIT)
    def sample_style(self, token: str, scheme: str) -> Answer:
        """The site's stylesheet in those looks, light or dark."""
        facts = _sampled(token)
        if scheme not in SCHEMES:
            abort(404)
        dark = "dark" if scheme == "escuro" else "light"
        text = stylesheet_for(facts.brand_color, facts.font_family, dark)
        return Response(text, mimetype="text/css")

    def _page(
        self,
        form: IdentityForm,
        shown: IdentityFacts,
        *,
        is_sample: bool = False,
        logo_problem: str = "",
        conflict: Meanwhile | None = None,
    ) -> str:
        allow_framing()
        now = looks.facts_now()
        is_sent = request.method == "POST"
        return str(
            self.render(
                "admin/identity.html",
                form=form,
                seen=mark_of(now),
                logo=request.form.get("logo", "") if is_sent else now.logo,
                logo_problem=logo_problem,
                conflict=conflict,
                is_dirty=is_sent,
                is_sample=is_sample,
                token=_token(shown),
                modes=contrasts(shown.brand_color),
                color=shown.brand_color,
                versions=looks.versions()[:10],
                undo_path=lambda version: f"{HERE}{version.id}/voltar",
            )
        )


def contrasts(color: str) -> list[dict[str, Any]]:
    """For light and dark: the colours of the brand's uses and how they read (WCAG 2.2)."""
    modes = palette(color)
    return [
        {
            "is_dark": mode == "dark",
            "surface": surface,
            **uses,
            "button_ratio": _ratio(uses["on_accent"], uses["accent"]),
            "text_ratio": _ratio(uses["accent_text"], surface),
            "is_moved": uses["accent_text"] != color,
        }
        for mode, surface in (("light", LIGHT_SURFACE), ("dark", DARK_SURFACE))
        for uses in (modes[mode],)
    ]


def _ratio(one: str, other: str) -> str:
    return f"{contrast(one, other):.1f}".replace(".", ",")


def _for_the_group() -> IdentityFacts:
    if staff().store_ids is not None:
        abort(404)
    return looks.facts_now()


def _chosen_logo(now: IdentityFacts) -> Mapping[str, Any]:
    if "logo" not in request.form:
        return now.logo
    item = media.picked(request.form["logo"])
    return item.as_photo() if item else {}


def _told(facts: IdentityFacts) -> dict[str, Any]:
    values = asdict(facts)
    return {**values, "logo": facts.logo.get("media_id", "")}


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current().secret_key, salt="identity sample")


def _token(facts: IdentityFacts) -> str:
    """Names looks that are not saved, for an hour."""
    names = ("name", "legal_name", "cnpj", "tagline", "brand_color", "font_family", "logo")
    text = _signer().dumps({name: getattr(facts, name) for name in names})
    return text if isinstance(text, str) else text.decode()


def _sampled(token: str) -> IdentityFacts:
    _for_the_group()
    try:
        return IdentityFacts(**_signer().loads(token, max_age=SAMPLE_SECONDS))
    except BadData:
        abort(404)


def _mail() -> Response:
    site = current().base_url
    addresses = {"address": site, "leave_address": site, "manage_address": site}
    _text, html = letters.render("newsletter_confirm", name=_("Ana"), **addresses)
    response = make_response(html)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        IdentityView(
            name=_l("Identity"),
            category=groups.SETTINGS,
            url="/admin/identidade",
            endpoint="staff_identity",
        )
    ]
