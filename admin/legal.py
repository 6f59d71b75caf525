"""`/admin/textos-legais/`: the wording people agree to, version by version."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from flask import abort, request
from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, at, changing, done, found, staff
from admin.meanwhile import Meanwhile, meanwhile
from admin.store_forms import read_day
from core.clock import DEFAULT_ZONE, now, today
from core.text import clean_text
from dealership.editing import ChangedMeanwhile, check_mark, mark_of
from dealership.roles import Permission
from leads import consent
from leads.consent import LONGEST_TEXT_CHARS, TextRefused, Version

HERE: Final = "/admin/textos-legais/"
EDIT: Final = Permission.EDIT_LEGAL
LONGEST_COMPARED_WORDS: Final = 6000
Answer = str | Response | tuple[str, int]


@dataclass(frozen=True)
class Kind:
    """One of the texts, as its screen speaks of it. `after` is what a new version means for who
    saw or agreed to an older one."""

    code: str
    name: str
    about: str
    after: str


# The address names each text in Portuguese; the code is leads.consent's.
KINDS: Final[Mapping[str, Kind]] = {
    "contato-comercial": Kind(
        consent.MARKETING,
        _l("Consent to offers"),
        _l("Stands beside the box for offers in forms: never required, never ticked before."),
        _l(
            "Who said yes to an older version stays on it: the yes was given to those words, and "
            "is kept with them as proof (LGPD art. 8). If the new text asks for more, ask these "
            "people again before you use it."
        ),
    ),
    "newsletter": Kind(
        consent.NEWSLETTER,
        _l("Consent to the newsletter"),
        _l("Stands beside the button that confirms an address."),
        _l(
            "Who said yes to an older version stays on it: the yes was given to those words, and "
            "is kept with them as proof (LGPD art. 8). If the new text asks for more, ask these "
            "people again before you use it."
        ),
    ),
    "aviso": Kind(
        consent.NOTICE,
        _l("Notice in the forms"),
        _l("One line under every form: who uses the data and for what (LGPD art. 9)."),
        _l(
            "Nobody agrees to a notice. Forms show the new one from its day on; the old ones are "
            "kept here as what was shown before."
        ),
    ),
    "privacidade": Kind(
        consent.PRIVACY,
        _l("Privacy policy"),
        _l("The page at /privacidade. Markdown: **strong**, lists with -, links."),
        _l(
            "Nobody agrees to a policy by reading it. If you will use the data of people you know "
            "for something new, tell them first (LGPD art. 8 § 6 and art. 9 § 2)."
        ),
    ),
}  # fmt: skip


class LegalView(StaffView):
    """Texts with versions: shown, compared, published; never changed in place."""

    icon = "scales"

    def is_visible(self) -> bool:
        """The texts are the group's: people tied to stores have no part in them."""
        return super().is_visible() and staff().store_ids is None

    @at("/", EDIT)
    def index(self) -> Answer:
        """Every text with its version of today and who agreed to it."""
        _only_for_the_group()
        rows = [(slug, kind, consent.current_text(kind.code), consent.versions_of(kind.code))
                for slug, kind in KINDS.items()]  # fmt: skip
        return str(self.render("admin/legal.html", rows=rows))

    @at("/<slug>/", EDIT)
    def show(self, slug: str) -> Answer:
        """One text: today's words, its versions, what is to come."""
        kind = _kind(slug)
        return str(
            self.render(
                "admin/legal_text.html",
                slug=slug,
                kind=kind,
                current=consent.current_text(kind.code),
                versions=consent.versions_of(kind.code),
            )
        )

    @at("/<slug>/<int:number>", EDIT)
    def version(self, slug: str, number: int) -> Answer:
        """One version whole, and what it changed."""
        kind = _kind(slug)
        versions = consent.versions_of(kind.code)
        place = next((n for n, one in enumerate(versions) if one.text.version == number), None)
        one: Version = found(versions[place] if place is not None else None)
        before = versions[place + 1] if place is not None and place + 1 < len(versions) else None
        return str(
            self.render(
                "admin/legal_version.html",
                slug=slug,
                kind=kind,
                one=one,
                before=before,
                pieces=differences(before.text.text, one.text.text) if before else [],
            )
        )

    @at("/<slug>/nova", EDIT)
    def new(self, slug: str) -> Answer:
        """Today's words, to begin with."""
        kind = _kind(slug)
        return self._form(slug, kind, consent.current_text(kind.code).text)

    @at("/<slug>/nova", EDIT, methods=("POST",))
    def publish(self, slug: str) -> Answer:
        """First show what would change, then publish."""
        kind = _kind(slug)
        text, day = request.form.get("text", ""), request.form.get("since", "").strip()
        try:
            since = _instant(day)
            if request.form.get("confirmado") != "1":
                return self._compare(slug, kind, text, day)
            self._publish(kind, text, since)
        except TextRefused as refusal:
            return self._form(slug, kind, text, day, problem=str(refusal)), 422
        except ChangedMeanwhile:
            if _is_newest(kind, text):  # the second of two clicks
                return redirect(f"{HERE}{slug}/", code=303)
            conflict = meanwhile(f"legal:{kind.code}")
            return self._form(slug, kind, text, day, conflict=conflict), 409
        words = _("Published. It is shown from now on.")
        if since:
            words = _(
                "Published. It is shown from %(day)s on.", day=format_date(since, "dd/MM/yyyy")
            )
        done(words)
        return redirect(f"{HERE}{slug}/", code=303)

    @at("/<slug>/cancelar", EDIT, methods=("POST",))
    def cancel(self, slug: str) -> Answer:
        """Today's words stay: they are published anew over the version to come."""
        kind = _kind(slug)
        versions = consent.versions_of(kind.code)
        if versions and versions[0].is_to_come:
            with changing("legal.cancel", f"legal:{kind.code}", label=str(kind.name)) as change:
                text = consent.publish_text(kind.code, consent.current_text(kind.code).text)
                change.before = {"version": versions[0].text.version}
                change.after = {"version": text.version}
            done(_("The version to come was cancelled. Today's text stays."))
        return redirect(f"{HERE}{slug}/", code=303)

    def _publish(self, kind: Kind, text: str, since: datetime | None) -> None:
        with changing("legal.publish", f"legal:{kind.code}", label=str(kind.name)) as change:
            check_mark(request.form.get("visto", ""), _state(kind))
            before = consent.current_text(kind.code)
            published = consent.publish_text(kind.code, text, since=since)
            change.before = {"version": before.version, "text": before.text}
            change.after = {"version": published.version, "text": published.text}

    def _form(
        self,
        slug: str,
        kind: Kind,
        text: str,
        day: str = "",
        *,
        problem: str = "",
        conflict: Meanwhile | None = None,
    ) -> str:
        return str(
            self.render(
                "admin/legal_new.html",
                slug=slug,
                kind=kind,
                text=text[: LONGEST_TEXT_CHARS + 1],
                day=day,
                problem=problem,
                conflict=conflict,
                seen=mark_of(_state(kind)),
                tomorrow=today().isoformat(),
                most=LONGEST_TEXT_CHARS,
                current=consent.current_text(kind.code),
            )
        )

    def _compare(self, slug: str, kind: Kind, text: str, day: str) -> Answer:
        current = consent.current_text(kind.code)
        words = clean_text(text, LONGEST_TEXT_CHARS)
        if not words.strip():
            raise TextRefused(_("Type the text."))
        agreed = sum(one.agreed for one in consent.versions_of(kind.code))
        return str(
            self.render(
                "admin/legal_compare.html",
                slug=slug,
                kind=kind,
                text=text,
                day=day,
                since=_instant(day),
                is_same=words == current.text,
                pieces=differences(current.text, words),
                agreed=agreed,
                seen=request.form.get("visto") or mark_of(_state(kind)),
            )
        )


def differences(before: str, after: str) -> list[tuple[str, str]]:
    """(same, out or in; text) in order, word by word; whole texts when they are very long."""
    old, new = re.findall(r"\s+|\S+", before), re.findall(r"\s+|\S+", after)
    if len(old) + len(new) > LONGEST_COMPARED_WORDS:
        return [("out", before), ("in", after)]
    pieces: list[tuple[str, str]] = []
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for what, a, b, c, d in matcher.get_opcodes():
        if what == "equal":
            pieces.append(("same", "".join(old[a:b])))
            continue
        pieces += [("out", "".join(old[a:b]))] * (b > a) + [("in", "".join(new[c:d]))] * (d > c)
    return pieces


def _only_for_the_group() -> None:
    if staff().store_ids is not None:
        abort(404)


def _kind(slug: str) -> Kind:
    _only_for_the_group()
    kind: Kind = found(KINDS.get(slug))
    return kind


def _state(kind: Kind) -> list[int]:
    """What a form showed: the numbers of all versions."""
    return [one.text.version for one in consent.versions_of(kind.code) if not one.is_built_in]


def _is_newest(kind: Kind, text: str) -> bool:
    versions = consent.versions_of(kind.code)
    return bool(versions) and versions[0].text.text == clean_text(text, LONGEST_TEXT_CHARS)


def _instant(typed: str) -> datetime | None:
    """The first instant of a typed day, where the dealership's clocks are; None for today or none.
    Raises TextRefused."""
    if not typed:
        return None
    day = read_day(typed)
    if day is None:
        raise TextRefused(_("Type a date, like 25/12/2026."))
    if day == today():
        return None
    since = datetime.combine(day, time(), tzinfo=DEFAULT_ZONE)
    if since < now():
        raise TextRefused(_("Choose a day to come, within a year."))
    return since


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        LegalView(
            name=_l("Legal texts"),
            category=groups.SETTINGS,
            url="/admin/textos-legais",
            endpoint="staff_legal",
        )
    ]
