"""Companies, lists of whom we turn to, imports of contacts, what comes after a delivery.

Where an entry of a list stands follows from its events, which are only ever added
(`leads.outreach.entries`).
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime
from dealership.models import Store
from dealership.staff import StaffMember
from leads.models import Lead, Person


class Company(Model):
    """A firm, a farm, a taxi driver: whoever may buy as a company (venda direta)."""

    __tablename__ = "company"
    __table_args__ = (
        # Without a CNPJ its name is all that tells it from others.
        sa.Index(
            "uq_company_name_only",
            "folded",
            unique=True,
            sqlite_where=sa.text("cnpj IS NULL"),
            postgresql_where=sa.text("cnpj IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    folded: Mapped[str] = mapped_column(sa.String(120))
    cnpj: Mapped[str | None] = mapped_column(sa.String(14), unique=True)  # letters since 2026
    category: Mapped[str] = mapped_column(sa.String(20), default="")  # companies.CATEGORIES
    city: Mapped[str] = mapped_column(sa.String(80), default="")
    fleet_size: Mapped[int | None]  # cars
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class OutreachList(Model):
    """Whom one colleague of one store turns to, up to the cap of its kind."""

    __tablename__ = "outreach_list"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    kind: Mapped[str] = mapped_column(sa.String(12))  # lists.Kind
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id"), index=True)
    owner_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("staff.id", ondelete="SET NULL"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    created_by: Mapped[str] = mapped_column(sa.String(254), default="")
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    store: Mapped[Store] = relationship()
    owner: Mapped[StaffMember | None] = relationship()


class OutreachRound(Model):
    """One pass over a list: everybody once, until a day."""

    __tablename__ = "outreach_round"
    __table_args__ = (
        sa.UniqueConstraint("list_id", "number"),
        sa.Index(
            "uq_outreach_round_live",
            "list_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("outreach_list.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(sa.SmallInteger)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    due_on: Mapped[date]
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OutreachEntry(Model):
    """A company or a person on a list. All below `list_id` but the two follows from its events."""

    __tablename__ = "outreach_entry"
    __table_args__ = (
        sa.Index("ix_outreach_entry_board", "list_id", "stage", "next_on", "id"),
        sa.Index("ix_outreach_entry_next_on", "next_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("outreach_list.id", ondelete="CASCADE"))
    company_id: Mapped[int | None] = mapped_column(sa.ForeignKey("company.id"), index=True)
    # Whom to talk to there; of an entry without a company, the entry itself.
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    stage: Mapped[str] = mapped_column(sa.String(12), default="cold")  # stages.Stage
    next_step: Mapped[str] = mapped_column(sa.String(160))
    next_on: Mapped[date]
    value_cents: Mapped[int | None] = mapped_column(sa.BigInteger)  # of the contract
    expected_on: Mapped[date | None]  # when it is signed
    meddic: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)  # letter -> evidence
    touched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # contact, either way
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[str] = mapped_column(sa.String(20), default="")

    list: Mapped[OutreachList] = relationship()
    company: Mapped[Company | None] = relationship()
    person: Mapped[Person | None] = relationship()


class OutreachEvent(Model):
    """Append-only: what happened with an entry, when, by whom."""

    __tablename__ = "outreach_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(
        sa.ForeignKey("outreach_entry.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    kind: Mapped[str] = mapped_column(sa.String(20))
    actor: Mapped[str] = mapped_column(sa.String(160))  # a staff e-mail, "system"
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)


class OutreachTouch(Model):
    """That an entry had its turn in a round: once, whoever races."""

    __tablename__ = "outreach_touch"

    round_id: Mapped[int] = mapped_column(
        sa.ForeignKey("outreach_round.id", ondelete="CASCADE"), primary_key=True
    )
    entry_id: Mapped[int] = mapped_column(
        sa.ForeignKey("outreach_entry.id", ondelete="CASCADE"), primary_key=True
    )
    event_id: Mapped[int] = mapped_column(
        sa.ForeignKey("outreach_event.id", ondelete="CASCADE"), index=True
    )


class ContactImport(Model):
    """One file of contacts: on which legal basis they are held, and what became of it."""

    __tablename__ = "contact_import"

    id: Mapped[int] = mapped_column(primary_key=True)
    file_name: Mapped[str] = mapped_column(sa.String(160))
    file_key: Mapped[str] = mapped_column(sa.String(200))  # private; empty once it is deleted
    size_bytes: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(8), default="")
    columns: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)  # folded path -> fact
    list_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("outreach_list.id", ondelete="SET NULL"), index=True
    )
    basis: Mapped[str] = mapped_column(sa.String(20), default="")  # bases.BASES
    source: Mapped[str] = mapped_column(sa.String(120), default="")
    proof: Mapped[str] = mapped_column(sa.Text, default="")
    obtained_on: Mapped[date | None]
    next_step: Mapped[str] = mapped_column(sa.String(160), default="")
    next_on: Mapped[date | None]
    state: Mapped[str] = mapped_column(sa.String(10), default="new")
    rows_done: Mapped[int] = mapped_column(default=0)  # the last row of the file that is through
    rows_total: Mapped[int] = mapped_column(default=0)
    report: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    problem: Mapped[str] = mapped_column(sa.Text, default="")
    created_by: Mapped[str] = mapped_column(sa.String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    list: Mapped[OutreachList | None] = relationship()

    @property
    def bad_rows_key(self) -> str:
        return f"contacts/{self.id}.bad.csv"


class ContactImportRow(Model):
    """What one row of a file brought, so that it can be taken back."""

    __tablename__ = "contact_import_row"
    __table_args__ = (sa.UniqueConstraint("import_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(sa.ForeignKey("contact_import.id", ondelete="CASCADE"))
    number: Mapped[int]
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    company_id: Mapped[int | None] = mapped_column(sa.ForeignKey("company.id"), index=True)
    entry_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("outreach_entry.id", ondelete="SET NULL"), index=True
    )
    is_new_person: Mapped[bool] = mapped_column(default=False)
    is_new_company: Mapped[bool] = mapped_column(default=False)
    is_new_entry: Mapped[bool] = mapped_column(default=False)


class ContactBasis(Model):
    """Why we may hold and use a person's contact though they did not write to us (LGPD art. 7)."""

    __tablename__ = "contact_basis"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    basis: Mapped[str] = mapped_column(sa.String(20))  # bases.BASES
    source: Mapped[str] = mapped_column(sa.String(120))
    proof: Mapped[str] = mapped_column(sa.Text, default="")
    obtained_on: Mapped[date | None]
    import_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("contact_import.id", ondelete="SET NULL"), index=True
    )
    by: Mapped[str] = mapped_column(sa.String(254))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Delivery(Model):
    """A car that was sold, and whose colleague asks afterwards how it is."""

    __tablename__ = "delivery"

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("lead.id", ondelete="CASCADE"), index=True)
    won_event_id: Mapped[int] = mapped_column(
        sa.ForeignKey("lead_event.id", ondelete="CASCADE"), unique=True
    )
    staff_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("staff.id", ondelete="SET NULL"), index=True
    )
    delivered_on: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # for names of others
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    lead: Mapped[Lead] = relationship()
    staff: Mapped[StaffMember | None] = relationship()
    catch_ups: Mapped[list["CatchUp"]] = relationship(
        order_by="CatchUp.number", back_populates="delivery", passive_deletes=True
    )


class CatchUp(Model):
    """One of the talks after a delivery: planned, then had, with a grade."""

    __tablename__ = "catch_up"
    __table_args__ = (
        sa.UniqueConstraint("delivery_id", "number"),
        sa.Index(
            "ix_catch_up_due",
            "due_on",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(sa.ForeignKey("delivery.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(sa.SmallInteger)  # 1 to 4
    due_on: Mapped[date]
    tries: Mapped[int] = mapped_column(sa.SmallInteger, default=0)  # nobody answered
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_by: Mapped[str] = mapped_column(sa.String(254), default="")
    grade: Mapped[int | None] = mapped_column(sa.SmallInteger)  # how happy, 1 to 5
    words: Mapped[str] = mapped_column(sa.Text, default="")
    # Somebody unhappy is the supervisor's until it is put right: open, done.
    care_state: Mapped[str] = mapped_column(sa.String(8), default="")
    care_words: Mapped[str] = mapped_column(sa.Text, default="")
    care_by: Mapped[str] = mapped_column(sa.String(254), default="")
    care_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    delivery: Mapped[Delivery] = relationship(back_populates="catch_ups")


class Referral(Model):
    """Who named whom after a good year, and whether that was rewarded."""

    __tablename__ = "referral"

    id: Mapped[int] = mapped_column(primary_key=True)
    referrer_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    referred_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    delivery_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("delivery.id", ondelete="SET NULL"), index=True
    )
    lead_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("lead.id", ondelete="SET NULL"), index=True
    )
    consent: Mapped[str] = mapped_column(sa.String(200))  # how we know that they agree
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    by: Mapped[str] = mapped_column(sa.String(254))
    reward: Mapped[str] = mapped_column(sa.String(160), default="")
    rewarded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rewarded_by: Mapped[str] = mapped_column(sa.String(254), default="")

    referrer: Mapped[Person] = relationship(foreign_keys=referrer_id)
    referred: Mapped[Person] = relationship(foreign_keys=referred_id)
    lead: Mapped[Lead | None] = relationship()
