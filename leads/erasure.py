"""Forgetting a person: what stays is that somebody, some month, asked about a car.

Erasing is anonymising in one transaction, everywhere at once: the person, what was sent, what we
sent, what waits. Only month, source, vehicle and outcome stay. A keyed hash of each phone, e-mail
and foreign id stays too (LGPD art. 18 VI would be empty if a restored backup or a resent webhook
brought the person back), in the database and in a file beside it, because a restored database
does not know what was erased after its backup.
"""

import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from core.clock import now
from core.config import current
from core.db import db, empty_log, writing
from core.storage import BadKey, checked_key, storage
from core.text import NotPhone, parse_phone
from jobs.models import Job
from jobs.queue import SOON, enqueue
from leads import holdings, stop_list, waiting_line
from leads.capture import spool
from leads.holdings import contact_digest
from leads.models import (
    Appointment,
    Consent,
    ContactClick,
    Enquiry,
    ErasedKey,
    Lead,
    LeadEvent,
    Mail,
    Person,
    PersonKey,
    SubjectRequest,
    Submission,
    Subscription,
)
from leads.objections import StopKey
from leads.outreach import forgetting as outreach
from leads.people import email_key, keys_of_person, phone_key
from leads.photos import CHECKED, FOLDER
from leads.pipeline.commission_months import CommissionDoubt
from leads.pipeline.log import record
from leads.pipeline.quality import QualitySample
from leads.pipeline.stages import FACTS
from leads.sides import erase_sides
from leads.stop_list import Purpose, Source

log = structlog.get_logger("vitrine.privacy")
GONE: Final = "erased:"
CUT: Final = "[…]"
FORM_SOURCES: Final = ("form:", "landing")  # filled in by one person, about themselves
AT_ONCE: Final = 500  # ids in one question: somebody may have sent thousands of forms
LIST_NAME: Final = "erasures.jsonl"
UNSYNCED: Final = {"synchronize_session": False}
Keys = Sequence[tuple[str, str]]

_EMAIL: Final = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_NUMBER: Final = re.compile(r"\+?\(?\d[\d\s().\-/]{6,24}\d")
# A phone or e-mail is looked for as it is spelled; the ids that other systems gave are exact.
_SPELLED: Final = frozenset({"phone", "email"})
_EXTERNAL: Final = "external:"


# ---- what is known of somebody ----


def mentions(value: Any, keys: Keys) -> bool:
    """Whether plain values (texts, lists, mappings) mention one of `keys`, however spelled."""
    wanted = {kind: {value for k, value in keys if k == kind} for kind in _SPELLED}
    exact = {value for kind, value in keys if kind not in _SPELLED and len(value) >= 6}
    return any(_names(text, wanted, exact) for text in _texts(value))


def _names(text: str, wanted: dict[str, set[str]], exact: set[str]) -> bool:
    if any(value in text for value in exact):
        return True
    if any(email_key(found) in wanted["email"] for found in _EMAIL.findall(text)):
        return True
    return any(_phone_of(found) in wanted["phone"] for found in _NUMBER.findall(text))


def _phone_of(text: str) -> str:
    try:
        return phone_key(parse_phone(text))
    except NotPhone as error:
        return phone_key(error.suggestion) if error.suggestion else ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _hints(column: Any, keys: Keys) -> sa.ColumnElement[bool]:
    """A coarse filter for the database; `mentions` looks closely afterwards."""
    text = sa.func.lower(sa.cast(column, sa.Text))
    parts: set[str] = set()
    for kind, value in keys:
        # The last four digits stand together in every spelling of a number.
        part = value[-4:] if kind == "phone" else value.partition("@")[0]
        parts |= {part.lower(), json.dumps(part)[1:-1].lower()}  # JSON columns are escaped
    return sa.or_(sa.false(), *(text.contains(part, autoescape=True) for part in parts if part))


def submissions_of(person: Person, *, search: bool = True) -> list[Submission]:
    """What `person` sent: what was read as theirs and, with `search`, all else that names them."""
    enquiries = sa.select(Enquiry.submission_id).where(Enquiry.person_id == person.id)
    consents = sa.select(Consent.submission_id).where(Consent.person_id == person.id)
    linked = sa.or_(Submission.id.in_(enquiries), Submission.id.in_(consents))
    found = {row.id: row for row in db.session.scalars(sa.select(Submission).where(linked))}
    # What was added later names no person, only the post that it is about.
    about = Submission.meta["about"].as_string()
    ids = list(found)
    for start in range(0, len(ids), AT_ONCE):
        added = about.in_(ids[start : start + AT_ONCE])
        for row in db.session.scalars(sa.select(Submission).where(added)):
            found[row.id] = row
    if search:
        keys = keys_of_person(person)
        columns = (Submission.payload, Submission.meta, Submission.error)
        hints = sa.or_(*(_hints(column, keys) for column in columns))
        for row in db.session.scalars(sa.select(Submission).where(hints)):
            if mentions([row.payload, row.meta, row.error], keys):
                found[row.id] = row
    return sorted(found.values(), key=lambda row: (row.received_at, row.id))


def jobs_naming(person: Person) -> list[Job]:
    """The jobs, done or waiting, whose payload or error names `person`."""
    keys = keys_of_person(person)
    rows = db.session.scalars(
        sa.select(Job).where(sa.or_(_hints(Job.payload, keys), _hints(Job.last_error, keys)))
    )
    return [row for row in rows if mentions([row.payload, row.last_error or ""], keys)]


def mails_of(person: Person, *, search: bool = True) -> list[Mail]:
    """What we wrote to `person` or about them; with `search` whatever names them."""
    leads = sa.select(Lead.id).where(Lead.person_id == person.id)
    own = sa.or_(Mail.person_id == person.id, Mail.lead_id.in_(leads))
    found = {row.id: row for row in db.session.scalars(sa.select(Mail).where(own))}
    if search:
        keys = keys_of_person(person)
        hints = sa.or_(*(_hints(column, keys) for column in (Mail.to_address, Mail.text)))
        for row in db.session.scalars(sa.select(Mail).where(hints)):
            if mentions([row.to_address, row.text], keys):
                found[row.id] = row
    return sorted(found.values(), key=lambda row: row.id)


def spooled_of(person: Person) -> list[tuple[Path, dict[str, Any]]]:
    """The files of the spool, waiting or put aside, that name `person`."""
    keys = keys_of_person(person)
    found = []
    for folder in ("new", "parked"):
        for path in sorted((spool().path / folder).glob("*.json")):
            try:
                record = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(record, dict) and mentions(record, keys):
                found.append((path, record))
    return found


# ---- erasing ----


def erase(person_id: int, reason: str) -> None:
    """Anonymise the person for good, inside `writing()`, and remember that they were erased.

    `reason` is a short code for the leads' history. Files go in a job after the commit.
    """
    person = db.session.get_one(Person, person_id)
    keys = keys_of_person(person)
    external = [
        (_EXTERNAL + source, external_id)
        for source, external_id in db.session.execute(
            sa.select(Enquiry.source, Enquiry.external_id).where(
                Enquiry.person_id == person_id, Enquiry.external_id != ""
            )
        )
    ]
    _remember([*keys, *external], now())
    anonymise(person_id, reason)
    # Who is erased writes again as somebody new, but no list that is imported later brings offers.
    digests = [contact_digest(*key) for key in keys]
    stop_list.stop_digests(digests, Purpose.MARKETING, source=Source.ERASURE)


def anonymise(person_id: int, reason: str, *, search: bool = True) -> None:
    """Take away everything that tells who the person is, inside `writing()`. Twice is as once.

    With `search` also what names them without being theirs: other people's posts, jobs, mails.
    """
    person = db.session.get_one(Person, person_id)
    keys = keys_of_person(person)
    files = _Files()
    holdings.forget({contact_digest(*key): now() for key in keys})
    for mail in mails_of(person, search=search):
        if mail.to_address:
            files.messages.append(mail.message_id)
        _blank_mail(mail)
    if search:
        files.add_spooled(spooled_of(person))
        for job in jobs_naming(person):
            _blank_job(job)
        _drop_refused(keys)
        outreach.forget_files()
        _cut_mentions(person_id, keys)
    for row in submissions_of(person, search=search):
        _blank_submission(row, person, keys, files)
    for enquiry in db.session.scalars(sa.select(Enquiry).where(Enquiry.person_id == person_id)):
        files.add_photos(enquiry.details)
        _blank_enquiry(enquiry)
    _blank_leads(person_id, reason if person.erased_at is None else "")
    outreach.forget(person_id)
    _blank_rest(person, keys)
    db.session.flush()
    files.ask_for_removal()
    log.info("person_anonymised", person=person_id, reason=reason)


def forget(enquiry: Enquiry) -> None:
    """Anonymise one enquiry that was made before its person was erased and arrived again, inside
    `writing()`. What the person asked since is theirs and stays."""
    person = enquiry.person
    others = sa.exists().where(Enquiry.person_id == person.id, Enquiry.id != enquiry.id)
    if not db.session.scalar(sa.select(others)):
        anonymise(person.id, "erased before")
        return
    nobody = Person(erased_at=now())
    db.session.add(nobody)
    db.session.flush()
    _leave_lead(enquiry, nobody)
    files = _Files()
    _blank_submission(enquiry.submission, person, keys_of_person(person), files)
    files.add_photos(enquiry.details)
    _blank_enquiry(enquiry)
    enquiry.person_id, enquiry.side_id = nobody.id, None
    _cancel_visits(Appointment.submission_id == enquiry.submission_id)
    db.session.flush()
    files.ask_for_removal()


def _leave_lead(enquiry: Enquiry, nobody: Person) -> None:
    """Take the enquiry's traces out of the lead it joined; a lead of its own goes with it."""
    lead = db.session.get(Lead, enquiry.lead_id) if enquiry.lead_id else None
    if lead is None:
        return
    others = sa.exists().where(Enquiry.lead_id == lead.id, Enquiry.id != enquiry.id)
    if db.session.scalar(sa.select(others)):
        enquiry.lead_id = None
        if lead.message == enquiry.message:
            lead.message = ""
    else:
        # One person has one open lead per department: it ends before it changes hands.
        record(lead, "erased", "site", reason="erased before")
        lead.person_id = nobody.id
        db.session.flush()
        _blank_leads(nobody.id)


def is_erased(keys: Keys, received_at: datetime) -> bool:
    """Whether what arrived at `received_at` (better: was written then) comes from somebody who
    was erased afterwards. A later contact is new. A key ("external:" + source, id) names one
    enquiry of a source: that one stays erased whenever it is sent again."""
    if not keys:
        return False
    wanted = {contact_digest(kind, value): kind for kind, value in keys}
    rows = db.session.execute(
        sa.select(ErasedKey.digest, ErasedKey.at).where(ErasedKey.digest.in_(wanted))
    )
    return any(wanted[digest].startswith(_EXTERNAL) or received_at <= at for digest, at in rows)


def external_key(source: str, external_id: str) -> tuple[str, str]:
    """The key, for `is_erased`, of what `source` calls `external_id`."""
    return _EXTERNAL + source, external_id


def reapply(path: Path | None = None) -> int:
    """Erase again whoever a restored backup brought back; how many people. Opens its own
    transactions. `path` is the list to read besides the database's (default: this machine's)."""
    _restore_list(path or list_path())
    erased_at = {
        row.digest: row.at for row in db.session.execute(sa.select(ErasedKey.digest, ErasedKey.at))
    }
    with writing():
        holdings.forget(erased_at)
        _keep_offers_from(set(erased_at))
    names: dict[int, list[tuple[str, str]]] = {}
    for kind, value, person_id in db.session.execute(
        sa.select(PersonKey.kind, PersonKey.value, PersonKey.person_id)
    ):
        names.setdefault(person_id, []).append((kind, value))
    back: dict[int, datetime] = {}
    for person_id, keys in names.items():
        # Families share an e-mail: it decides only where nothing stronger is known.
        strong = [key for key in keys if key[0] != "email"] or keys
        found = [
            erased_at[one] for one in (contact_digest(*key) for key in strong) if one in erased_at
        ]
        if found:
            back[person_id] = max(found)
    done = 0
    for person_id, at in sorted(back.items()):
        with writing():
            done += _erase_until(person_id, at)
    return done


def _keep_offers_from(digests: set[str]) -> None:
    """What erasing put into the stop list was lost with the newer database."""
    known = set(db.session.scalars(sa.select(StopKey.digest)))
    for digest in sorted(digests - known):
        stop_list.stop_digests([digest], Purpose.MARKETING, source=Source.ERASURE)


def _erase_until(person_id: int, at: datetime) -> bool:
    """Whether there was something from before `at` to erase."""
    enquiries = db.session.scalars(
        sa.select(Enquiry).where(Enquiry.person_id == person_id).order_by(Enquiry.id)
    ).all()
    old = [enquiry for enquiry in enquiries if enquiry.at <= at]
    if len(old) == len(enquiries):
        person = db.session.get_one(Person, person_id)
        if person.created_at > at:
            return False
        anonymise(person_id, "erased before")
        return True
    for enquiry in old:
        forget(enquiry)
    return bool(old)


def list_path() -> Path:
    """The file beside the database that names, by hash alone, who was erased and when."""
    return Path(current().instance_dir) / LIST_NAME


def _remember(keys: Keys, at: datetime) -> None:
    digests = sorted({contact_digest(kind, value) for kind, value in keys})
    if not digests:
        return
    _insert_keys(digests, at)
    # Before the commit: a hash too many erases nobody, one too few forgets an erasure.
    with open(list_path(), "a", encoding="utf-8") as file:
        for digest in digests:
            file.write(json.dumps({"digest": digest, "at": at.isoformat()}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _restore_list(path: Path) -> None:
    if not path.exists():
        return
    newest: dict[str, datetime] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
            digest, at = entry["digest"], datetime.fromisoformat(entry["at"])
        except (ValueError, KeyError, TypeError):
            continue  # the last line of a machine that lost power
        newest[digest] = max(at, newest.get(digest, at))
    with writing():
        for digest, at in newest.items():
            _insert_keys([digest], at)


def _insert_keys(digests: Sequence[str], at: datetime) -> None:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    statement = insert(ErasedKey).values([{"digest": digest, "at": at} for digest in digests])
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["digest"],
            set_={"at": statement.excluded.at},
            where=ErasedKey.at < statement.excluded.at,
        )
    )


# ---- table by table ----


def _blank_mail(mail: Mail) -> None:
    mail.dedup_key = f"{GONE}{mail.id}"
    mail.to_address = mail.reply_to = mail.subject = mail.text = mail.html = mail.error = ""
    mail.headers, mail.attachments = {}, []
    if mail.state == "waiting":
        mail.state = "failed"


def _blank_job(job: Job) -> None:
    job.payload, job.dedup_key, job.last_error = {}, None, None
    if job.state in {"ready", "dead"}:
        job.state, job.finished_at = "done", now()


def _blank_submission(row: Submission, person: Person, keys: Keys, files: "_Files") -> None:
    owners = set(
        db.session.scalars(sa.select(Enquiry.person_id).where(Enquiry.submission_id == row.id))
    )
    is_form = row.source.startswith(FORM_SOURCES)
    is_read = row.state == "done" or is_form
    if is_read and (person.id in owners or not owners):
        files.add_photos(row.payload)
        row.payload, row.meta, row.state = {}, {}, "done"
        waiting_line.forget_place_of(row.id)  # nobody may be known to have it yet
    else:
        # Others are in it, or may be and are not read yet: only this person's words are cut out.
        words = [("name", person.name), *_messages(row.id, person.id)] if owners else []
        row.payload = _without(row.payload, [*keys, *words])
        row.meta = _without(row.meta, keys)
    row.error = ""
    row.idem_key = f"{GONE}{row.id}"  # the id, made from the key, still knows a repeat


def _messages(submission_id: str, person_id: int) -> list[tuple[str, str]]:
    texts = db.session.scalars(
        sa.select(Enquiry.message).where(
            Enquiry.submission_id == submission_id, Enquiry.person_id == person_id
        )
    )
    return [("message", text) for text in texts]


def _without(value: Any, keys: Keys) -> Any:
    """Plain values with every mention of `keys` cut out of their texts."""
    if isinstance(value, dict):
        return {key: _without(inner, keys) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, keys) for inner in value]
    if not mentions(value, keys):
        return value
    text = str(value)
    for kind, exact in keys:
        if kind not in _SPELLED and exact:
            text = text.replace(exact, CUT)
    for pattern in (_EMAIL, _NUMBER):
        text = pattern.sub(lambda found: CUT if mentions(found[0], keys) else found[0], text)
    return text


def _cut_mentions(person_id: int, keys: Keys) -> None:
    """Whoever else wrote of this person keeps their words, without the person's contacts."""
    other = sa.select(Lead.id).where(Lead.person_id != person_id)
    tables: list[tuple[type[Any], tuple[str, ...], sa.ColumnElement[bool]]] = [
        (Enquiry, ("message", "details"), Enquiry.person_id != person_id),
        (Lead, ("message",), Lead.person_id != person_id),
        (LeadEvent, ("data",), LeadEvent.lead_id.in_(other)),
        *outreach.columns_with_words(),
    ]
    for model, names, where in tables:
        hints = sa.or_(*(_hints(getattr(model, name), keys) for name in names))
        for row in db.session.scalars(sa.select(model).where(where, hints)):
            for name in names:
                setattr(row, name, _without(getattr(row, name), keys))


def _blank_enquiry(enquiry: Enquiry) -> None:
    enquiry.message, enquiry.details, enquiry.touch = "", {}, {}
    if enquiry.external_id and not enquiry.external_id.startswith(GONE):
        # Some sources put the phone number into their ids.
        enquiry.external_id = GONE + contact_digest(_EXTERNAL + enquiry.source, enquiry.external_id)


def _blank_leads(person_id: int, reason: str = "") -> None:
    """Take the words out of the person's leads and end those that are open. What follows from
    their events (who had them, how long it took) stays: it is about us. `reason` is noted."""
    leads = list(db.session.scalars(sa.select(Lead).where(Lead.person_id == person_id)))
    for lead in leads:
        lead.message, lead.first_touch, lead.last_touch = "", {}, {}
        for event in db.session.scalars(sa.select(LeadEvent).where(LeadEvent.lead_id == lead.id)):
            event.data = {name: value for name, value in event.data.items() if name in FACTS}
        if lead.closed_at is None or reason:
            record(lead, "erased", "site", reason=reason or "erased")
    ids = [lead.id for lead in leads]
    _update(ContactClick, ContactClick.lead_id.in_(ids), touch={}, page="")
    _update(CommissionDoubt, CommissionDoubt.lead_id.in_(ids), words="", answer="")
    db.session.execute(
        sa.delete(QualitySample).where(QualitySample.lead_id.in_(ids)), execution_options=UNSYNCED
    )
    _cancel_visits(
        sa.or_(
            Appointment.lead_id.in_(ids),
            Appointment.submission_id.in_(
                sa.select(Enquiry.submission_id).where(Enquiry.person_id == person_id)
            ),
        )
    )


def _cancel_visits(mine: sa.ColumnElement[bool]) -> None:
    """Nobody comes: the time is free for others."""
    coming = sa.and_(Appointment.state == "booked", Appointment.starts_at > now())
    _update(Appointment, sa.and_(coming, mine), state="cancelled")


def _blank_rest(person: Person, keys: Keys) -> None:
    _update(Consent, Consent.person_id == person.id, network="", page="")
    for row in db.session.scalars(
        sa.select(Subscription).where(Subscription.person_id == person.id)
    ):
        row.token = secrets.token_urlsafe(24)  # links in old mails lead nowhere
        if row.ended_at is None:
            row.ended_at, row.end_reason = now(), "erased"
    waiting_line.forget_places(person.id)
    _update(SubjectRequest, SubjectRequest.person_id == person.id, contact="", note="")
    for case in db.session.scalars(sa.select(SubjectRequest).where(SubjectRequest.contact != "")):
        if mentions(case.contact, keys):
            case.contact = case.note = ""
    person.name = person.phone = person.email = ""
    person.keys.clear()
    person.erased_at = person.erased_at or now()
    person.updated_at = now()
    erase_sides(person, person.erased_at)


def _drop_refused(keys: Keys) -> None:
    """Posts that did not prove their sender: their package stands above this one."""
    table = db.metadata.tables.get("refused_post")
    if table is None:
        return
    rows = db.session.execute(
        sa.select(table.c.id, table.c.payload).where(_hints(table.c.payload, keys))
    )
    ids = [row.id for row in rows if mentions(row.payload, keys)]
    if ids:
        db.session.execute(sa.delete(table).where(table.c.id.in_(ids)))


def _update(model: type[Any], where: sa.ColumnElement[bool], **values: Any) -> None:
    db.session.flush()
    db.session.execute(sa.update(model).where(where).values(**values), execution_options=UNSYNCED)


# ---- files ----


class _Files:
    """What lies outside the database and goes after the commit."""

    def __init__(self) -> None:
        self.photos: list[str] = []
        self.messages: list[str] = []
        self.spooled: list[str] = []

    def add_photos(self, values: Any) -> None:
        """The uploads named under `photos`, at any depth of `values`. What was typed into a form
        may name anything: only our own folder is looked at."""
        self.photos += [key for key in _photo_keys(values) if key.startswith(f"{FOLDER}/")]

    def add_spooled(self, found: Iterable[tuple[Path, dict[str, Any]]]) -> None:
        """What was put aside goes; what waits is read in a moment and then forgotten."""
        for path, kept in found:
            source = str(kept.get("source", ""))
            if path.parent.name == "parked" and source.startswith(FORM_SOURCES):
                self.spooled.append(path.name)

    def ask_for_removal(self) -> None:
        if self.photos or self.messages or self.spooled:
            enqueue(
                "remove_erased_files",
                {
                    "photos": sorted(set(self.photos)),
                    "messages": sorted(set(self.messages)),
                    "spooled": self.spooled,
                },
                priority=SOON,
            )


def _photo_keys(value: Any, is_photo: bool = False) -> list[str]:
    if isinstance(value, str):
        try:
            return [checked_key(value)] if is_photo else []
        except BadKey:
            return []
    if isinstance(value, dict):
        return [
            found
            for key, inner in value.items()
            for found in _photo_keys(inner, is_photo or key in {"photos", "fotos"})
        ]
    if isinstance(value, list):
        return [found for inner in value for found in _photo_keys(inner, is_photo)]
    return []


def remove_erased_files(payload: dict[str, Any]) -> None:
    """Handler: delete uploaded photos, mails kept as files, and spooled posts of the erased, and
    what the database's log still holds of them."""
    for key in payload.get("photos", []):
        original = key.removesuffix(CHECKED)
        for name in (original, original + CHECKED):  # redrawn at this very moment, perhaps
            storage().delete(name, public=False)
    for name in payload.get("spooled", []):
        (spool().path / "parked" / Path(name).name).unlink(missing_ok=True)
    wanted = set(payload.get("messages", []))
    folder = Path(current().instance_dir) / "mail"
    for path in folder.glob("*.eml") if wanted else ():
        head = path.read_bytes().partition(b"\r\n\r\n")[0].decode("ascii", "replace")
        if any(message_id in head for message_id in wanted):
            path.unlink(missing_ok=True)
    empty_log()


JOBS = {"remove_erased_files": remove_erased_files}
