"""The browsers in which somebody hears of things while no page is open, and the key we sign with.

A device is bound to the session it was switched on in and goes with it: signing out, a new
password, another role or a closed account end it. A session that only grew old does not: the
morning's first lead is told to who signed in yesterday. Who signs in again in the same browser
takes their device along (`follow`); somebody else's is forgotten there.

The private key is sealed like other secrets. A new one (`rotate`) serves new devices; those of
before are signed for with theirs until their owner's next visit. Verbs flush.
"""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.config import current
from core.db import Model, UtcDateTime, db
from core.secrets import SealBroken, reseal, seal, unseal
from core.text import clean_line
from core.web_push import KeyPair, NotADevice, Subscription, check_subscription, new_key_pair

COOKIE: Final = "aparelho"  # names a browser to us, and nobody in it
MOST_DEVICES: Final = 10  # of one person; the longest silent one goes
LONGEST_NAME: Final = 60
LONGEST_PROBLEM: Final = 200
_PURPOSE: Final = "push key"


class PushKey(Model):
    """A key of ours that push services know us by."""

    __tablename__ = "push_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    public: Mapped[str] = mapped_column(sa.String(100))
    sealed: Mapped[bytes] = mapped_column(sa.LargeBinary)  # both halves, in PEM
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class PushDevice(Model):
    """One browser of one person. `problem` says why the last try failed; empty when it did not."""

    __tablename__ = "push_device"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[int] = mapped_column(
        sa.ForeignKey("staff_session.id", ondelete="CASCADE"), index=True
    )
    key_id: Mapped[int] = mapped_column(sa.ForeignKey("push_key.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)  # of the endpoint
    cookie_digest: Mapped[str] = mapped_column(sa.String(64), index=True)  # of the browser's cookie
    endpoint: Mapped[str] = mapped_column(sa.String(1000))
    p256dh: Mapped[str] = mapped_column(sa.String(120))
    auth: Mapped[str] = mapped_column(sa.String(40))
    name: Mapped[str] = mapped_column(sa.String(60), default="")  # "Chrome, Android"
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # last one that was taken
    problem: Mapped[str] = mapped_column(sa.String(200), default="")

    @property
    def subscription(self) -> Subscription:
        return Subscription(self.endpoint, self.p256dh, self.auth)


@dataclass(frozen=True)
class Browser:
    """The browser that asks: its session, the token in its cookie, what it calls itself."""

    session_id: int
    cookie: str
    name: str


# --- devices -----------------------------------------------------------------------------------


def add_device(staff_id: int, to: Subscription, public: str, browser: Browser) -> PushDevice:
    """Let this browser, which was given our key `public`, be pushed to; again, or after somebody
    else, it is the same device. Inside `writing()`. Raises core.web_push.NotADevice."""
    check_subscription(to, allow_private=current().allow_private_urls)
    key_id = db.session.scalar(sa.select(PushKey.id).where(PushKey.public == public))
    if key_id is None:
        raise NotADevice(_("Switch it on again: the key of this site changed meanwhile."))
    values = {
        "staff_id": staff_id,
        "session_id": browser.session_id,
        "key_id": key_id,
        "cookie_digest": digest(browser.cookie),
        "name": clean_line(browser.name, LONGEST_NAME),
        "created_at": now(),
        "sent_at": None,
        "problem": "",
        **asdict(to),
    }
    mark = digest(to.endpoint)
    # A browser has one push address at a time: what it had before is nobody's any more.
    before = sa.and_(PushDevice.cookie_digest == values["cookie_digest"], PushDevice.digest != mark)
    db.session.execute(sa.delete(PushDevice).where(before))
    _make_room(staff_id)
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    return db.session.scalars(
        insert(PushDevice)
        .values(digest=mark, **values)
        .on_conflict_do_update(index_elements=["digest"], set_=values)
        .returning(PushDevice),
        execution_options={"populate_existing": True},
    ).one()


def _make_room(staff_id: int) -> None:
    last_use = sa.func.coalesce(PushDevice.sent_at, PushDevice.created_at).desc()
    too_many = sa.select(PushDevice.id).where(PushDevice.staff_id == staff_id)
    ids = db.session.scalars(too_many.order_by(last_use).offset(MOST_DEVICES - 1)).all()
    db.session.execute(sa.delete(PushDevice).where(PushDevice.id.in_(ids)))


def devices_of(staff_id: int) -> Sequence[PushDevice]:
    """The browsers of this person that can be pushed to, the newest first. One statement."""
    return db.session.scalars(
        sa.select(PushDevice)
        .where(PushDevice.staff_id == staff_id)
        .order_by(PushDevice.created_at.desc(), PushDevice.id.desc())
    ).all()


def has_device(staff_id: int) -> bool:
    """Whether this person can be pushed to at all. One statement."""
    any_of_them = sa.exists().where(PushDevice.staff_id == staff_id)
    return bool(db.session.scalar(sa.select(any_of_them)))


def remove_device(device_id: int) -> None:
    """Nothing is pushed there any more. Inside `writing()`; a second time changes nothing."""
    db.session.execute(sa.delete(PushDevice).where(PushDevice.id == device_id))


def note_sent(device_id: int) -> None:
    """The push service took a message. Inside `writing()`."""
    _note(device_id, sent_at=now(), problem="")


def note_problem(device_id: int, problem: str) -> None:
    """It did not. Inside `writing()`."""
    _note(device_id, problem=problem[:LONGEST_PROBLEM])


def _note(device_id: int, **values: object) -> None:
    db.session.execute(sa.update(PushDevice).where(PushDevice.id == device_id).values(**values))


# --- with the session ----------------------------------------------------------------------------


def new_cookie() -> str:
    """A name for a browser, for its cookie."""
    return secrets.token_urlsafe(24)


def follow(cookie: str, staff_id: int, session_id: int) -> None:
    """Somebody signed in, in the browser with this cookie: their own device there goes on with the
    new session, anybody else's ends. Inside `writing()`."""
    if not cookie:
        return
    here = PushDevice.cookie_digest == digest(cookie)
    db.session.execute(sa.delete(PushDevice).where(here, PushDevice.staff_id != staff_id))
    db.session.execute(sa.update(PushDevice).where(here).values(session_id=session_id))


def forget_sessions(session_ids: Collection[int]) -> None:
    """These sessions ended: so do their devices. Inside `writing()`."""
    db.session.execute(sa.delete(PushDevice).where(PushDevice.session_id.in_(session_ids)))


def forget_person(staff_id: int, *, except_session_id: int | None = None) -> None:
    """All sessions of this person ended, but one perhaps: so do their devices. Inside
    `writing()`."""
    db.session.execute(
        sa.delete(PushDevice).where(
            PushDevice.staff_id == staff_id, PushDevice.session_id != (except_session_id or 0)
        )
    )


# --- our key -------------------------------------------------------------------------------------


def public_key() -> str:
    """What a browser needs to let us push to it. Inside `writing()`: the first time, and after a
    key that cannot be opened any more, a new one is made."""
    return _newest_key().public


def newest_key_id() -> int:
    """The key that new devices get; 0 while there is none."""
    return db.session.scalar(sa.select(sa.func.max(PushKey.id))) or 0


def key_of(device: PushDevice) -> KeyPair:
    """The key that this device knows us by. Raises core.secrets.SealBroken."""
    return _open(db.session.get_one(PushKey, device.key_id))


def rotate(*, forget_devices: bool = False) -> int:
    """A new key from now on; keys that no device has go. With `forget_devices`, for a key that
    somebody else may have seen, every device has to be switched on again. How many devices stay on
    an older key. Inside `writing()`."""
    if forget_devices:
        db.session.execute(sa.delete(PushDevice))
    used = sa.select(PushDevice.key_id)
    db.session.execute(sa.delete(PushKey).where(PushKey.id.not_in(used)))
    _make_key()
    return db.session.scalar(sa.select(sa.func.count()).select_from(PushDevice)) or 0


def reseal_all(old_key: str) -> int:
    """Seal every key anew after the site's own changed from `old_key`; how many. Inside
    `writing()`. Raises core.secrets.SealBroken."""
    rows = db.session.scalars(sa.select(PushKey)).all()
    for row in rows:
        row.sealed = reseal(row.sealed, _PURPOSE, old_key)
    db.session.flush()
    return len(rows)


def _newest_key() -> PushKey:
    row = db.session.scalars(sa.select(PushKey).order_by(PushKey.id.desc()).limit(1)).first()
    if row is None:
        return _make_key()
    try:
        _open(row)
    except SealBroken:
        return _make_key()
    return row


def _make_key() -> PushKey:
    pair = new_key_pair()
    row = PushKey(public=pair.public, sealed=seal(asdict(pair), _PURPOSE))
    db.session.add(row)
    db.session.flush()
    return row


def _open(row: PushKey) -> KeyPair:
    return KeyPair(**unseal(row.sealed, _PURPOSE))


def digest(text: str) -> str:
    """What stands in the table for an endpoint or a cookie."""
    return hashlib.sha256(text.encode()).hexdigest()
