"""What came in (Submission), what it asked (Enquiry), who asked (Person), what we work on (Lead).

One submission is the bytes of one post, kept as received. Processing finds one or more enquiries
in it; an enquiry belongs to a person and usually joins or opens a lead. Rows that prove something
(consents, events) are only ever added.
"""

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime

_OPEN: Final[dict[str, Any]] = {
    "sqlite_where": sa.text("closed_at IS NULL"),
    "postgresql_where": sa.text("closed_at IS NULL"),
}


def _when_created(context: Any) -> datetime:
    """A lead that nothing happened to yet is due since it was made."""
    instant: datetime = context.get_current_parameters()["created_at"]
    return instant


class Submission(Model):
    """One post as received: append-only, the truth if any later code is wrong."""

    __tablename__ = "submission"
    __table_args__ = (sa.UniqueConstraint("source", "idem_key"),)

    # Derived from source and idem_key under the application's key: the same post gets the same
    # id wherever it is stored first, and nobody can guess one.
    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    source: Mapped[str] = mapped_column(sa.String(60))  # "form:contato", "olx" …
    idem_key: Mapped[str] = mapped_column(sa.String(200))
    page_key: Mapped[str] = mapped_column(sa.String(64), default="", index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    # Page, touches, shortened address, reasons for suspicion, text versions shown.
    meta: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    suspicion: Mapped[int] = mapped_column(default=0)  # points; leads.suspicion says from when
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    state: Mapped[str] = mapped_column(sa.String(6), default="new", index=True)  # new done parked
    error: Mapped[str] = mapped_column(sa.Text, default="")  # why it is parked, in words


class Person(Model):
    """Somebody who wrote or called. Phones in E.164; empty text means "not given"."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(120), default="")
    phone: Mapped[str] = mapped_column(sa.String(20), default="", index=True)
    email: Mapped[str] = mapped_column(sa.String(254), default="", index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Who this turned out to be: everything of theirs is there until the merge is undone.
    merged_into_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)

    keys: Mapped[list["PersonKey"]] = relationship(
        cascade="all, delete-orphan", foreign_keys="PersonKey.person_id"
    )
    leads: Mapped[list["Lead"]] = relationship(back_populates="person", order_by="Lead.id")


class PersonKey(Model):
    """What tells a person from others: a phone (ninth digit ignored), an e-mail, a portal's id."""

    __tablename__ = "person_key"

    kind: Mapped[str] = mapped_column(sa.String(20), primary_key=True)  # phone, email, whatsapp …
    value: Mapped[str] = mapped_column(sa.String(254), primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    # Whose it was before that person was merged into another one.
    side_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    # How often it came with another name: a phone that a family or a firm shares.
    strangers: Mapped[int] = mapped_column(sa.SmallInteger, default=0, server_default="0")


class Lead(Model):
    """One episode of interest of one person in one department."""

    __tablename__ = "lead"
    __table_args__ = (
        # Never a second open lead of one person in one department, whoever races.
        sa.Index(
            "uq_lead_open",
            "person_id",
            "department",
            unique=True,
            **_OPEN,
        ),
        # What the staff's list sorts and counts by.
        sa.Index("ix_lead_is_suspect_created_at", "is_suspect", "created_at", "id"),
        sa.Index("ix_lead_source_store", "source", "store_id"),
        # What the desk sorts by, and what its timers look for; closed leads are not in them.
        sa.Index("ix_lead_queue", "state", "urgency", "due_at", "id", **_OPEN),
        sa.Index("ix_lead_mine", "owner_id", "due_at", "id", **_OPEN),
        sa.Index("ix_lead_due", "due_at", "id", **_OPEN),
        sa.Index("ix_lead_turn", "turn", "due_at", "id", **_OPEN),
        sa.Index(
            "ix_lead_return",
            "return_at",
            sqlite_where=sa.text("return_at IS NOT NULL"),
            postgresql_where=sa.text("return_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    department: Mapped[str] = mapped_column(sa.String(10))  # sales, service, parts, fleet
    source: Mapped[str] = mapped_column(sa.String(60))  # where the first enquiry came from
    source_ref: Mapped[str] = mapped_column(sa.String(120), default="")  # landing page, ad id …
    vehicle_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="SET NULL"), index=True
    )
    store_id: Mapped[int | None] = mapped_column(sa.ForeignKey("store.id", ondelete="SET NULL"))
    message: Mapped[str] = mapped_column(sa.Text, default="")
    is_suspect: Mapped[bool] = mapped_column(default=False)
    # Sent by staff to try a connection: counts nowhere, and can be deleted.
    is_test: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    first_touch: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    last_touch: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # Where it stands: derived from its events, written by leads.pipeline.log alone. See
    # leads.pipeline.standing.Standing for what each says.
    state: Mapped[str] = mapped_column(sa.String(12), default="waiting", index=True)  # its stage
    turn: Mapped[str] = mapped_column(sa.String(10), default="ours", server_default="ours")
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("staff.id", ondelete="SET NULL"))
    attendant_id: Mapped[int | None] = mapped_column(sa.ForeignKey("staff.id", ondelete="SET NULL"))
    seller_id: Mapped[int | None] = mapped_column(sa.ForeignKey("staff.id", ondelete="SET NULL"))
    urgency: Mapped[int] = mapped_column(sa.SmallInteger, default=1, server_default="1")
    next_action: Mapped[str] = mapped_column(
        sa.String(20), default="answer", server_default="answer"
    )
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, default=_when_created)
    return_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    returns: Mapped[int] = mapped_column(sa.SmallInteger, default=0, server_default="0")
    first_contact_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stage_before: Mapped[str] = mapped_column(sa.String(12), default="", server_default="")

    person: Mapped[Person] = relationship(back_populates="leads")
    enquiries: Mapped[list["Enquiry"]] = relationship(order_by="Enquiry.id")
    events: Mapped[list["LeadEvent"]] = relationship(order_by="LeadEvent.id")


class Enquiry(Model):
    """One thing one person asked in one submission; a repeat is a touch on the open lead."""

    __tablename__ = "enquiry"
    __table_args__ = (
        sa.UniqueConstraint("submission_id", "part"),
        # The source's own id: a resent or polled copy of the same lead is not another one.
        sa.Index(
            "uq_enquiry_external",
            "source",
            "external_id",
            unique=True,
            sqlite_where=sa.text("external_id <> ''"),
            postgresql_where=sa.text("external_id <> ''"),
        ),
        sa.Index("ix_enquiry_kind_at", "kind", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(sa.ForeignKey("submission.id"), index=True)
    part: Mapped[int] = mapped_column(default=0)  # a batch holds several
    source: Mapped[str] = mapped_column(sa.String(60))
    external_id: Mapped[str] = mapped_column(sa.String(160), default="")
    kind: Mapped[str] = mapped_column(sa.String(20))  # contact, interest, test_drive, trade_in …
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    # Of whom it came, by the key it came with, when that person was merged into another one.
    side_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    lead_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lead.id"), index=True)
    vehicle_id: Mapped[int | None] = mapped_column(sa.ForeignKey("vehicle.id", ondelete="SET NULL"))
    store_id: Mapped[int | None] = mapped_column(sa.ForeignKey("store.id", ondelete="SET NULL"))
    message: Mapped[str] = mapped_column(sa.Text, default="")
    # What this kind of form asks beyond name and phone: trade-in facts, a simulation's numbers …
    details: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    touch: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    is_suspect: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    person: Mapped[Person] = relationship(foreign_keys=person_id)
    submission: Mapped[Submission] = relationship()


class LeadEvent(Model):
    """Append-only: what happened to a lead, when, by whom."""

    __tablename__ = "lead_event"
    __table_args__ = (sa.Index("ix_lead_event_kind_at", "kind", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("lead.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    kind: Mapped[str] = mapped_column(sa.String(30))  # enquiry, details, call, booked, mail_sent …
    actor: Mapped[str] = mapped_column(sa.String(160))  # "site", "portal:olx", a staff e-mail
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)


class LegalText(Model):
    """A wording people agreed to or were shown. A new wording is a new row (LGPD art. 8 § 2)."""

    __tablename__ = "legal_text"
    __table_args__ = (sa.UniqueConstraint("kind", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20))  # marketing, notice, privacy
    version: Mapped[int]
    text: Mapped[str] = mapped_column(sa.Text)
    digest: Mapped[str] = mapped_column(sa.String(64), index=True)  # SHA-256 of the text
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Consent(Model):
    """A yes or a later no, with its proof. Never changed: the newest row per purpose counts."""

    __tablename__ = "consent"
    __table_args__ = (sa.Index("ix_consent_purpose_person", "purpose", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    submission_id: Mapped[str | None] = mapped_column(sa.ForeignKey("submission.id"))
    purpose: Mapped[str] = mapped_column(sa.String(20))  # marketing, newsletter, price_alert
    is_given: Mapped[bool]
    text_version: Mapped[int]
    text_digest: Mapped[str] = mapped_column(sa.String(64))
    channel: Mapped[str] = mapped_column(sa.String(20))  # site, landing, mail, staff
    page: Mapped[str] = mapped_column(sa.String(300), default="")
    network: Mapped[str] = mapped_column(sa.String(45), default="")  # shortened address
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Appointment(Model):
    """A time booked in a store: a test drive, a service visit. One seat, one booking."""

    __tablename__ = "appointment"
    __table_args__ = (
        sa.Index(
            "uq_appointment_seat",
            "store_id",
            "kind",
            "starts_at",
            "seat",
            unique=True,
            sqlite_where=sa.text("state = 'booked'"),
            postgresql_where=sa.text("state = 'booked'"),
        ),
        sa.Index(
            "uq_appointment_vehicle",
            "vehicle_id",
            "starts_at",
            unique=True,
            sqlite_where=sa.text("state = 'booked' AND vehicle_id IS NOT NULL"),
            postgresql_where=sa.text("state = 'booked' AND vehicle_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(12))  # test_drive, service
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id"))
    vehicle_id: Mapped[int | None] = mapped_column(sa.ForeignKey("vehicle.id", ondelete="SET NULL"))
    submission_id: Mapped[str] = mapped_column(sa.ForeignKey("submission.id"), unique=True)
    lead_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lead.id"), index=True)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    minutes: Mapped[int]
    seat: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(sa.String(10), default="booked")  # booked, cancelled
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    arrived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    missed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    moves: Mapped[int] = mapped_column(sa.SmallInteger, default=0, server_default="0")


class ContactClick(Model):
    """A tap on WhatsApp or a phone number, counted on our side before the jump."""

    __tablename__ = "contact_click"

    id: Mapped[int] = mapped_column(primary_key=True)
    # Stands in the prefilled message, so that a conversation finds the visit it began in.
    code: Mapped[str] = mapped_column(sa.String(8), unique=True)
    channel: Mapped[str] = mapped_column(sa.String(10))  # whatsapp, phone
    number: Mapped[str] = mapped_column(sa.String(20), default="")  # E.164, ours
    store_id: Mapped[int | None] = mapped_column(sa.ForeignKey("store.id", ondelete="SET NULL"))
    vehicle_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="SET NULL"), index=True
    )
    page: Mapped[str] = mapped_column(sa.String(300), default="")
    touch: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    lead_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lead.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


class Mail(Model):
    """A mail we send: written with its cause, sent by a job, kept as proof."""

    __tablename__ = "mail"
    __table_args__ = (sa.Index("ix_mail_state_created_at", "state", "created_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    # Template and what it is about: asking twice for the same mail sends one.
    dedup_key: Mapped[str] = mapped_column(sa.String(160), unique=True)
    message_id: Mapped[str] = mapped_column(sa.String(200))
    kind: Mapped[str] = mapped_column(sa.String(30))
    to_address: Mapped[str] = mapped_column(sa.String(254))
    reply_to: Mapped[str] = mapped_column(sa.String(254), default="")
    subject: Mapped[str] = mapped_column(sa.String(200))
    text: Mapped[str] = mapped_column(sa.Text)
    html: Mapped[str] = mapped_column(sa.Text)
    headers: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    # [{"name": "visita.ics", "type": "text/calendar", "text": "…"}]
    attachments: Mapped[list[dict[str, str]]] = mapped_column(sa.JSON, default=list)
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    lead_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lead.id"), index=True)
    # What brings it, where its reader can end that.
    subscription_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("subscription.id", ondelete="SET NULL"), index=True
    )
    # waiting, sent, failed, stopped (by leads.stop_list)
    state: Mapped[str] = mapped_column(sa.String(8), default="waiting")
    error: Mapped[str] = mapped_column(sa.String(300), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    passed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the stop list let it out
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Subscription(Model):
    """What a person asked to be told: a car's price drop, a wish that comes in, the newsletter."""

    __tablename__ = "subscription"
    __table_args__ = (
        sa.Index("ix_subscription_vehicle", "kind", "vehicle_id"),
        sa.Index(
            "uq_subscription_live",
            "person_id",
            "kind",
            "about",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(sa.String(43), unique=True)  # in unsubscribe links
    kind: Mapped[str] = mapped_column(sa.String(12))  # newsletter, price_alert
    about: Mapped[str] = mapped_column(sa.String(160), default="")  # a vehicle's public id
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    vehicle_id: Mapped[int | None] = mapped_column(sa.ForeignKey("vehicle.id", ondelete="SET NULL"))
    price_cents: Mapped[int | None] = mapped_column(sa.BigInteger)  # last price they were told
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[str] = mapped_column(sa.String(20), default="")  # person, sold, erased


class SubjectRequest(Model):
    """A case under LGPD art. 18: what was asked, until when, how it ended."""

    __tablename__ = "subject_request"

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(sa.String(43), unique=True)  # in the case's address
    kind: Mapped[str] = mapped_column(sa.String(12))  # access, correction, erasure, revocation
    contact: Mapped[str] = mapped_column(sa.String(254))  # the e-mail or phone typed
    note: Mapped[str] = mapped_column(sa.Text, default="")
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    code_digest: Mapped[str] = mapped_column(sa.String(64), default="")  # of the code mailed
    code_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(default=0)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(sa.String(8), default="open")  # open done refused
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)  # 15 days (art. 19)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ErasedKey(Model):
    """A keyed hash of who asked to be erased: a restored backup or a resent webhook is erased
    again. What the person sends after `at` is new."""

    __tablename__ = "erased_key"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
