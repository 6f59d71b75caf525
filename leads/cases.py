"""Cases under LGPD art. 18: somebody asks to see, correct, erase, or hear no more from us.

A case is opened for whoever asks, whether we know them or not, and looks the same from outside.
Who they are is proved by a code mailed to the address that we hold, never to the one typed, or by
staff. A form takes anybody's phone beside one's own e-mail, so a code is enough only where all that
we hold came with that e-mail; for the rest staff call the number we hold. The case then gets a new
address, 256 random bits, which opens the person's room a while.

DomainError
├── NoSuchCase     no case has that number
├── WrongCode      the code is not the one mailed, too old, or tried too often
└── NobodyKnown    staff confirmed a contact that belongs to nobody we know
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.config import current
from core.db import db
from core.errors import DomainError
from core.text import clean_line
from dealership.identity import identity
from jobs.queue import URGENT, enqueue
from jobs.worker import Record
from leads import holdings, letters
from leads.erasure import mentions, submissions_of
from leads.models import Enquiry, Mail, Person, SubjectRequest
from leads.people import email_key, find_or_create_person
from leads.privacy import contact_key, find_by_contact

KINDS: Final = ("access", "correction", "erasure", "revocation")
DUE: Final = timedelta(days=15)  # LGPD art. 19 II
CODE_DIGITS: Final = 6
CODE_LIVES: Final = timedelta(minutes=30)
MOST_TRIES: Final = 5
ROOM_OPEN: Final = timedelta(hours=24)  # after the code
ROOM_OPEN_BY_STAFF: Final = timedelta(days=7)
CODE_MAIL: Final = "privacy_code"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class NoSuchCase(DomainError):
    """No case has that number."""


class WrongCode(DomainError):
    """The code is not the one mailed, too old, or tried too often."""


class NobodyKnown(DomainError):
    """The contact belongs to nobody we know."""


def open_case(kind: str, contact: str) -> SubjectRequest:
    """A new case of `kind` (one of KINDS) about `contact` as typed, inside `writing()`.

    Whether we know the person is found out by a job, so that nobody can tell it from the answer,
    nor from how long the answer takes.
    """
    case = SubjectRequest(
        token=secrets.token_urlsafe(32),
        kind=kind,
        contact=clean_line(contact, 254),
        due_at=now() + DUE,
    )
    db.session.add(case)
    db.session.flush()
    ask_for_code(case)
    return case


def ask_for_code(case: SubjectRequest) -> None:
    """Have a code mailed if that can be, inside `writing()`. A phone alone waits for staff.

    The tries begin anew here, for every contact, and not when there is a code to be mailed: how
    many are left must not tell whether we know the person. The code before this one ends.
    """
    if is_by_mail(case):
        case.code_digest, case.code_until, case.tries = "", None, 0
        enqueue(
            "send_case_code",
            {"case_id": case.id, "mark": secrets.token_hex(8)},
            priority=URGENT,
        )


def is_by_mail(case: SubjectRequest) -> bool:
    """Whether the contact is an e-mail, to which a code can go."""
    return contact_key(case.contact)[0] == "email"


def send_case_code(payload: dict[str, Any]) -> Record | None:
    """Handler: mail a fresh code to the address that we hold, when the contact is known."""
    case = db.session.get(SubjectRequest, payload["case_id"])
    if case is None or case.state == "refused":
        return None
    person = find_by_contact(case.contact)
    if person is None and _is_held_elsewhere(case.contact):
        known_id = case.id
        return lambda: _make_known(known_id)
    key = f"{CODE_MAIL}:{case.id}:{payload['mark']}"
    if person is None or not is_enough(case.contact, person) or letters.is_posted(key):
        return None
    address = _address_of(person, case.contact)
    if letters.is_flooded(address, (CODE_MAIL,)):
        return None
    case_id, case_path, person_id = case.id, path_of(case), person.id
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    db.session.rollback()  # rendering holds no transaction
    subject = letters.subject(_("Your code for your data at %(dealer)s", dealer=identity().name))
    text, html = letters.render(
        CODE_MAIL,
        subject=subject,
        code=code,
        minutes=int(CODE_LIVES.total_seconds() // 60),
        number=case_id,
        path=case_path,
    )
    letter = letters.Letter(
        key=key,
        kind=CODE_MAIL,
        to=address,
        subject=subject,
        text=text,
        html=html,
        person_id=person_id,
    )
    return lambda: _post_code(case_id, code, letter)


def _make_known(case_id: int) -> None:
    case = db.session.get_one(SubjectRequest, case_id)
    if person_of(case.contact) is not None:
        ask_for_code(case)


def person_of(contact: str) -> Person | None:
    """Who has this contact, or None. Of whom only packages above hold something becomes a person
    here, to have a room. Inside `writing()`."""
    found = find_by_contact(contact)
    if found is None and _is_held_elsewhere(contact):
        kind, key = contact_key(contact)
        email = key if kind == "email" else ""
        found = find_or_create_person(email=email, keys=[(kind, key)])
    return found


def _is_held_elsewhere(contact: str) -> bool:
    kind, key = contact_key(contact)
    return bool(key) and any(holdings.held({holdings.contact_digest(kind, key)}).values())


def _address_of(person: Person, contact: str) -> str:
    """Ours, not the one typed: "ana+x@…" is the same person to us, perhaps not to their host."""
    key = email_key(contact)
    return person.email if email_key(person.email) == key else key


def _post_code(case_id: int, code: str, letter: letters.Letter) -> None:
    case = db.session.get_one(SubjectRequest, case_id, with_for_update=True)
    if room_until(case):
        return  # staff opened it meanwhile, for longer than a code would
    case.code_digest = _digest(case, code)
    case.code_until = now() + CODE_LIVES
    letters.post(letter, priority=URGENT)


def _digest(case: SubjectRequest, code: str) -> str:
    key = str(current().secret_key).encode()
    return hmac.new(key, f"case:{case.token}:{code}".encode(), hashlib.sha256).hexdigest()


def find_case(token: str) -> SubjectRequest | None:
    """The case with that address, or None."""
    if not _TOKEN.fullmatch(token):  # PostgreSQL takes no NUL even in a question
        return None
    return db.session.scalars(
        sa.select(SubjectRequest).where(SubjectRequest.token == token)
    ).one_or_none()


def case_of(number: int) -> SubjectRequest:
    """The case with that number, for staff. Raises NoSuchCase."""
    case = db.session.get(SubjectRequest, number)
    if case is None:
        raise NoSuchCase(_("There is no case %(number)s.", number=number))
    return case


def open_cases() -> list[SubjectRequest]:
    """What staff still owe an answer, most urgent first."""
    query = sa.select(SubjectRequest).where(SubjectRequest.state == "open")
    return list(db.session.scalars(query.order_by(SubjectRequest.due_at)))


def try_code(case: SubjectRequest, code: str) -> bool:
    """Whether `code` is right, inside `writing()`; a try is counted either way, so commit both.

    The right one opens the room and cannot be used again.
    """
    db.session.refresh(case, with_for_update=True)
    typed = "".join(char for char in code if char.isdecimal() and char.isascii())
    case.tries += 1
    is_live = case.code_until is not None and case.code_until > now() and case.tries <= MOST_TRIES
    # Compared in any case: how long it takes tells nothing.
    is_right = hmac.compare_digest(_digest(case, typed), case.code_digest or "0" * 64)
    person = find_by_contact(case.contact) if is_right and is_live else None
    if person is None or not is_enough(case.contact, person):
        return False
    _open_room(case, person)
    return True


def is_enough(contact: str, person: Person) -> bool:
    """Whether who reads the mail of `contact` is the person: everything asked in their name came
    with that e-mail. Else somebody may have typed another's phone beside it."""
    key = contact_key(contact)
    came_with = set()
    for post in submissions_of(person, search=False):
        typed = email_key(str(post.payload.get("email") or ""))
        if typed == key[1] or mentions(post.payload, [key]):
            # What was added on the thank-you page belongs to the post before it.
            came_with |= {post.id, post.meta.get("about")}
    asked = db.session.scalars(
        sa.select(Enquiry.submission_id).where(Enquiry.person_id == person.id)
    )
    return came_with.issuperset(asked)


def confirm_by_staff(case: SubjectRequest) -> Person:
    """Staff made sure who asks (they called the number we hold): open the room, inside
    `writing()`. Raises NobodyKnown."""
    person = person_of(case.contact)
    if person is None:
        raise NobodyKnown(_("Nobody we know has the contact of case %(number)s.", number=case.id))
    _open_room(case, person)
    case.code_until = now() + ROOM_OPEN_BY_STAFF
    return person


def _open_room(case: SubjectRequest, person: Person) -> None:
    # Whoever opened the case knows its address and may be somebody else: the room gets another.
    case.token = secrets.token_urlsafe(32)
    case.code_digest, case.code_until = "", None
    case.person_id = person.id
    case.confirmed_at = now()
    if case.kind == "access":
        close_case(case)
    # The codes have done their work.
    for mail in db.session.scalars(
        sa.select(Mail).where(Mail.person_id == person.id, Mail.kind == CODE_MAIL)
    ):
        if mail.state != "waiting":
            mail.text = mail.html = ""
    db.session.flush()


def room_until(case: SubjectRequest) -> datetime | None:
    """Until when the case's address opens the room; None when it does not."""
    if case.confirmed_at is None or case.person_id is None:
        return None
    # Staff's own term stands where a code's does while one is on its way: that opens nothing yet.
    by_staff = None if case.code_digest else case.code_until
    until = by_staff or case.confirmed_at + ROOM_OPEN
    if until <= now():
        return None
    if by_staff is None:
        # What came since may be somebody else's: a room that a code opened closes then.
        person = db.session.get_one(Person, case.person_id)
        if not person.erased_at and not is_enough(case.contact, person):
            return None
    return until


def close_case(case: SubjectRequest, state: str = "done") -> None:
    """The case ended: done or refused. Inside `writing()`; a second time changes nothing."""
    if case.state == "open":
        case.state, case.done_at = state, now()
        db.session.flush()


def path_of(case: SubjectRequest) -> str:
    """The case's own address on this site."""
    return f"/privacidade/caso/{case.token}"


JOBS = {"send_case_code": send_case_code}
