"""The wordings people are shown or agree to, and their yes or later no, kept as proof.

A wording comes from the newest published LegalText, or is the built-in one. The exact text shown
is named by its SHA-256 digest; the form carries that digest, so that a wording changed between
showing and sending is recorded as it was shown (LGPD art. 8: the proof is the controller's).
Consents are only ever added: the newest row of a purpose counts. A no is an entry of the stop
list too, and a yes takes back what the person stopped themselves. So are wordings: a new one is a
new version, at once or from a day to come, and takes nothing from who agreed to an older one.

DomainError
└── TextRefused    a wording, or a day for it, that cannot be
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite

from core.clock import now
from core.db import db
from core.errors import DomainError
from core.site_memory import remembered
from core.text import clean_text
from dealership.identity import format_cnpj, identity
from leads import objections, stop_list
from leads.models import Consent, LegalText, Person, Submission
from leads.stop_list import Channel, Purpose, Source
from leads.suspicion import SUSPECT_FROM

MARKETING: Final = "marketing"  # the box beside a form: separate, unticked, never required
NOTICE: Final = "notice"  # the line at the point of collection (LGPD art. 9)
PRIVACY: Final = "privacy"  # the page at /privacidade, in Markdown
NEWSLETTER: Final = "newsletter"  # beside the button that confirms an address
LINE: Final = "line"  # beside the button that takes a place in the line for a held car
KINDS: Final = (MARKETING, NOTICE, PRIVACY)
PURPOSES: Final = ("marketing", "newsletter", "price_alert")
# On what a no to it stops offers, and a yes, as its wording says, opens them. An alert is of one
# car alone: ending it stops that and no more.
_STOPS: Final = {"marketing": Channel.ALL, "newsletter": Channel.MAIL}
_OPENS: Final = {"marketing": (Channel.MAIL, Channel.WHATSAPP), "newsletter": (Channel.MAIL,)}

PREFIX_CHARS: Final = 16  # of the digest, as forms carry it
LONGEST_TEXT_CHARS: Final = 40_000
FURTHEST_DAYS: Final = 366  # how far ahead a wording can be dated
# A built-in wording that somebody agreed to is kept under its own kind: it is proof, and must not
# stand in the way of tomorrow's built-in one.
_BUILT_IN: Final = "default:"


class TextRefused(DomainError):
    """A wording, or a day for it, that cannot be; the sentence says why."""


@dataclass(frozen=True)
class Text:
    """One wording. `digest` is the SHA-256 of `text` in hexadecimal."""

    kind: str
    version: int
    text: str
    digest: str

    @property
    def mark(self) -> str:
        """What a form carries in its hidden field `texto`, for `shown_text`."""
        return self.digest[:PREFIX_CHARS]


def current_text(kind: str) -> Text:
    """The wording of `kind` (marketing, notice, privacy, newsletter, line) to show now.

    Never fails for want of a database: then it is the built-in wording, as version 1. Without one
    even the name of the dealership is missing from it.
    """
    try:
        rows = remembered(f"wording:{kind}", lambda: _stored(kind))
        published = next((text for text, since in rows if since and since <= now()), None)
        words = "" if published else BUILT_IN_TEXTS[kind]()
    except sa.exc.SQLAlchemyError:
        if db.session().info.get("writing"):
            raise  # the caller's transaction is lost, and it must know
        db.session.rollback()
        words = _without_database(kind)
        return Text(kind, 1, words, digest_of(words))
    if published:
        return published
    digest = digest_of(words)
    stored = next((text for text, _since in rows if text.digest == digest), None)
    following = rows[0][0].version + 1 if rows else 1
    return stored or Text(kind, following, words, digest)


def published_mark(kind: str) -> str:
    """Stands for the wording of `kind` in the key of what is kept of a page, besides the house and
    the reader's language, of which the built-in one is made. Raises SQLAlchemyError."""
    rows = remembered(f"wording:{kind}", lambda: _stored(kind))
    return next((text.digest for text, since in rows if since and since <= now()), "")


def shown_text(kind: str, mark: str) -> Text | None:
    """The wording that a form with `mark` (a digest's first characters) showed.

    A form without a mark (a program's own post) is taken to have shown the current one. None when
    no wording of ours has that mark: what cannot be shown again proves nothing, so do not record
    a yes to it.
    """
    current = current_text(kind)
    if not mark or current.mark == mark[:PREFIX_CHARS]:
        return current
    if len(mark) < PREFIX_CHARS:
        return None
    return next((_text(row) for row in _rows(kind) if row.digest.startswith(mark)), None)


def publish_text(kind: str, text: str, *, since: datetime | None = None) -> Text:
    """Make `text` the wording of `kind` from now on, or from `since` on (aware, to come), inside
    the caller's transaction; it takes the place of one that was still to come. Raises TextRefused.

    The wording before stays, so that pages already open are recorded as they were shown. The
    same text again changes nothing.
    """
    words = clean_text(text, LONGEST_TEXT_CHARS)
    _check_wording(words, text, since)
    before, rows = current_text(kind), _rows(kind)
    is_published = any(row.kind == kind for row in rows)
    if before.text == words and is_published and not _is_to_come(rows[0]):
        return before
    _keep(before, is_published=False)
    wording = Text(kind, _next_version(_rows(kind)), words, digest_of(words))
    return _keep(wording, is_published=True, since=since)


def _check_wording(words: str, typed: str, since: datetime | None) -> None:
    if not words.strip():
        raise TextRefused(_("Type the text."))
    if len(typed.strip()) > LONGEST_TEXT_CHARS:
        raise TextRefused(_("This text is too long."))
    if since is not None and not now() <= since <= now() + timedelta(days=FURTHEST_DAYS):
        raise TextRefused(_("Choose a day to come, within a year."))


def _is_to_come(row: LegalText) -> bool:
    return row.since > now()


@dataclass(frozen=True)
class Version:
    """One stored wording. `agreed`: how many people's standing yes was given to it."""

    text: Text
    since: datetime
    is_built_in: bool
    is_to_come: bool
    is_current: bool
    agreed: int


def versions_of(kind: str) -> list[Version]:
    """Every wording of `kind` that was shown, agreed to or dated, newest first. Three statements,
    however many people agreed."""
    current, rows, agreed = current_text(kind), _rows(kind), _agreed(kind)
    return [
        Version(
            _text(row),
            row.since,
            is_built_in=row.kind != kind,
            is_to_come=row is rows[0] and _is_to_come(row),
            is_current=row.version == current.version,
            agreed=agreed.get(row.digest, 0),
        )
        for row in rows
    ]


def _agreed(kind: str) -> dict[str, int]:
    """People whose newest word on the purpose of that name is yes, by the text they saw."""
    newest = (
        sa.select(sa.func.max(Consent.id))
        .where(Consent.purpose == kind)
        .group_by(Consent.person_id)
    )
    counted = (
        sa.select(Consent.text_digest, sa.func.count())
        .where(Consent.id.in_(newest.group_by(Consent.person_id)), Consent.is_given)
        .group_by(Consent.text_digest)
    )
    return {row[0]: row[1] for row in db.session.execute(counted)}


def record(
    person: Person,
    purpose: str,
    is_given: bool,
    text: Text,
    *,
    submission_id: str | None = None,
    channel: str,
    page: str = "",
    network: str = "",
) -> Consent:
    """Add what `person` said about `purpose` when shown `text`, inside the caller's transaction.

    `channel` is site, landing, mail or staff; `page` a path; `network` a shortened address. The
    wording is stored when it is not yet, so that the proof can always be read in full.
    """
    text = _keep(text, is_published=False)
    consent = Consent(
        person_id=person.id,
        submission_id=submission_id,
        purpose=purpose,
        is_given=is_given,
        text_version=text.version,
        text_digest=text.digest,
        channel=channel,
        page=page.partition("?")[0][:300],
        network=network[:45],
        at=now(),
    )
    db.session.add(consent)
    db.session.flush()
    if is_given:
        _open_again(person, purpose, submission_id)
    else:
        _stop(person, purpose)
    return consent


def _open_again(person: Person, purpose: str, submission_id: str | None) -> None:
    """A yes lifts what the person stopped before they said it; a machine's yes lifts nothing."""
    form = db.session.get(Submission, submission_id) if submission_id else None
    if purpose in _OPENS and (form is None or form.suspicion < SUSPECT_FROM):
        said_at = form.received_at if form else now()
        stop_list.allow(person, _OPENS[purpose], Purpose.MARKETING, said_at=said_at)


def _stop(person: Person, purpose: str) -> None:
    channel = _STOPS.get(purpose)
    if channel and objections.digests_of(person):
        stop_list.stop(
            person,
            channel,
            Purpose.MARKETING,
            source=Source.PERSON,
            actor="person",
            ends_subscriptions=False,
        )


def withdraw(
    person: Person,
    purpose: str,
    *,
    submission_id: str | None = None,
    channel: str,
    page: str = "",
    network: str = "",
) -> Consent | None:
    """Add a no to `purpose`, as easy as the yes was (LGPD art. 8 § 5). None when no yes stands:
    the stop list has the no all the same (art. 18 § 2: who never agreed can object too).

    The no names the wording that the yes was given to.
    """
    _stop(person, purpose)
    standing_yes = standing(person.id).get(purpose)
    if standing_yes is None or not standing_yes.is_given:
        return None
    consent = Consent(
        person_id=person.id,
        submission_id=submission_id,
        purpose=purpose,
        is_given=False,
        text_version=standing_yes.text_version,
        text_digest=standing_yes.text_digest,
        channel=channel,
        page=page.partition("?")[0][:300],
        network=network[:45],
        at=now(),
    )
    db.session.add(consent)
    db.session.flush()
    return consent


def standing(person_id: int) -> dict[str, Consent]:
    """What the person said last about each purpose."""
    rows = db.session.scalars(
        sa.select(Consent).where(Consent.person_id == person_id).order_by(Consent.id)
    )
    return {row.purpose: row for row in rows}


def is_allowed(person_id: int, purpose: str) -> bool:
    """Whether a yes to `purpose` stands."""
    consent = standing(person_id).get(purpose)
    return consent is not None and consent.is_given


def wording_of(consent: Consent) -> str:
    """The exact text that the person was shown; empty when it was never stored."""
    found = db.session.scalar(
        sa.select(LegalText.text).where(LegalText.digest == consent.text_digest).limit(1)
    )
    return found or ""


def digest_of(text: str) -> str:
    """SHA-256 of `text` in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _rows(kind: str) -> list[LegalText]:
    """Every stored wording of `kind`, newest first."""
    query = sa.select(LegalText).where(LegalText.kind.in_([kind, _BUILT_IN + kind]))
    return list(db.session.scalars(query.order_by(LegalText.version.desc())))


def _stored(kind: str) -> list[tuple[Text, datetime | None]]:
    """The same without the session: each wording, and since when it is published, None for a
    built-in one."""
    return [(_text(row), row.since if row.kind == kind else None) for row in _rows(kind)]


def _text(row: LegalText) -> Text:
    return Text(row.kind.removeprefix(_BUILT_IN), row.version, row.text, row.digest)


def _next_version(rows: list[LegalText]) -> int:
    """One sequence for published and built-in wordings, so that a number names one text."""
    return rows[0].version + 1 if rows else 1


def _keep(text: Text, *, is_published: bool, since: datetime | None = None) -> Text:
    """Store `text` unless it is there; as it is stored."""
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    while True:
        rows = _rows(text.kind)
        wanted = [row for row in rows if row.digest == text.digest]
        if is_published:
            wanted = [row for row in wanted if row is rows[0] and row.kind == text.kind]
            wanted = [
                row for row in wanted if (row.since == since if since else not _is_to_come(row))
            ]
        if wanted:
            return _text(wanted[0])
        # Two people may agree to a new wording in the same instant: one stores, one finds it.
        db.session.execute(
            insert(LegalText)
            .values(
                kind=text.kind if is_published else _BUILT_IN + text.kind,
                version=_next_version(rows),
                text=text.text,
                digest=text.digest,
                since=since or now(),
            )
            .on_conflict_do_nothing()
        )


def _marketing_text() -> str:
    return str(
        _(
            "I want to get offers and news from %(dealer)s by e-mail and WhatsApp. I can stop "
            "whenever I want, through the link in each message.",
            dealer=identity().name,
        )
    )


def _newsletter_text() -> str:
    return str(
        _(
            "I want to get news and offers from %(dealer)s by e-mail at this address. I can stop "
            "whenever I want, through the link in each message.",
            dealer=identity().name,
        )
    )


def _line_text() -> str:
    return str(
        _(
            "By joining you agree that we write to you about this car's line, by e-mail or "
            "WhatsApp, and about nothing else. You leave it whenever you want."
        )
    )


def _notice_text() -> str:
    dealer = identity()
    name = dealer.legal_name or dealer.name
    if dealer.cnpj:
        name = _("%(name)s (CNPJ %(cnpj)s)", name=name, cnpj=format_cnpj(dealer.cnpj))
    return str(
        _(
            "%(controller)s uses your data to answer this request. How long we keep it and what "
            "you can ask of us is on the privacy page.",
            controller=name,
        )
    )


def _privacy_text() -> str:
    dealer = identity()
    return str(
        _(
            "You can look at every vehicle here without telling us who you are. When you ask for "
            "a proposal, a test drive or a valuation, %(dealer)s uses what you typed to answer "
            "you, and for nothing else unless you agree.\n\n"
            "- We ask for a name and one way to reach you. The rest is up to you.\n"
            "- We sell your data to nobody. Who works for us and sees it is listed below.\n"
            "- We send offers only if you ticked the box, and you stop them with one click.\n"
            "- After the times listed below we erase your name and contacts by ourselves.\n"
            "- You can see, correct or erase what we hold on you, without creating an account.",
            dealer=dealer.name,
        )
    )


def _without_database(kind: str) -> str:
    if kind == LINE:
        return _line_text()
    if kind == MARKETING:
        return str(_("I want to get offers and news from this dealership by e-mail and WhatsApp."))
    return str(_("We use your data to answer this request."))


BUILT_IN_TEXTS: Final[dict[str, Callable[[], str]]] = {
    MARKETING: _marketing_text,
    NOTICE: _notice_text,
    PRIVACY: _privacy_text,
    NEWSLETTER: _newsletter_text,
    LINE: _line_text,
}
