"""Accounts on other systems, what they advertise there, and what they may not do."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime


class PortalAccount(Model):
    """One connection. Its webhook's address holds a token that only the sender knows."""

    __tablename__ = "portal_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20))  # mercadolivre, olx, meta, whatsapp …
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    base_url: Mapped[str] = mapped_column(sa.String(300), default="")  # empty: the real service
    token_digest: Mapped[str] = mapped_column(sa.String(64), unique=True)  # of the address's token
    # The token before the last rotation, good until then.
    old_token_digest: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    old_token_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    credentials: Mapped[bytes] = mapped_column(sa.LargeBinary, default=b"")  # sealed JSON
    options: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)  # nothing secret
    store_id: Mapped[int | None] = mapped_column(sa.ForeignKey("store.id", ondelete="SET NULL"))
    # active, needs_reauth, paused (kept, not read), archived (its address is gone)
    state: Mapped[str] = mapped_column(sa.String(12), default="active")
    problem: Mapped[str] = mapped_column(sa.String(300), default="")  # in words, for staff
    polled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class RefusedPost(Model):
    """A post that did not prove its sender: kept a while, because a secret that was changed on
    one side only must not cost leads. The newest 500, three days at most."""

    __tablename__ = "refused_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("portal_account.id", ondelete="CASCADE"), index=True
    )
    reason: Mapped[str] = mapped_column(sa.String(60))
    payload: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


class Advertiser(Model):
    """How an account advertises the stock: its rules, and how the portal bears with us.

    One row per account that can advertise, made by `integrators.listings.rules.advertiser_of`.
    """

    __tablename__ = "advertiser"

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("portal_account.id", ondelete="CASCADE"), primary_key=True
    )
    is_on: Mapped[bool] = mapped_column(default=False)  # off: nothing is sent, nothing is asked
    rules: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)  # listings.rules.Rules
    rules_version: Mapped[int] = mapped_column(default=1)  # grows with every change of the rules
    monthly_cost_cents: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # The last complete look at what the portal holds, and when the next one is due.
    observed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    observe_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    looks_failed: Mapped[int] = mapped_column(default=0)  # in a row
    # Nothing is asked before this instant: the portal said "later", or does not answer.
    hold_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hold_reason: Mapped[str] = mapped_column(sa.String(20), default="")  # limit, down, plan
    failures: Mapped[int] = mapped_column(default=0)  # answers missing in a row
    calls_per_second: Mapped[float | None]  # what the portal bears; None: what its manual says
    problem: Mapped[str] = mapped_column(sa.String(300), default="")  # in words, for staff
    # What the contract with the portal allows, as the portal says; None: it does not say.
    slots_total: Mapped[int | None]
    slots_used: Mapped[int | None]
    slots_foreign: Mapped[int] = mapped_column(default=0)  # of these, taken by the dealer's own ads
    plan_name: Mapped[str] = mapped_column(sa.String(80), default="")
    slots_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stock_version: Mapped[int] = mapped_column(sa.BigInteger, default=0)  # planned up to here
    good_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # end of the last good pass
    # After a restored backup the portal knows more than we do: nothing new is put up until a
    # person has looked at the difference.
    is_wary: Mapped[bool] = mapped_column(default=False)
    # Who reconciles it now, until when: one at a time, whoever started it.
    holder: Mapped[str] = mapped_column(sa.String(32), default="")
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    calls: Mapped[int] = mapped_column(sa.BigInteger, default=0)  # requests ever made
    writes: Mapped[int] = mapped_column(sa.BigInteger, default=0)  # of these, changing ones


class Listing(Model):
    """An offer on one portal: what we want there, what we know is there. It outlives the car, so
    that whatever is found under its key later still has somebody who takes it down."""

    __tablename__ = "listing"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "key"),
        sa.UniqueConstraint("account_id", "vehicle_id"),
        sa.Index("ix_listing_account_id_due_at", "account_id", "due_at"),
        sa.Index("ix_listing_account_id_external_id", "account_id", "external_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("portal_account.id", ondelete="CASCADE"))
    vehicle_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="SET NULL"), index=True
    )
    source_id: Mapped[str] = mapped_column(sa.String(120), default="")  # the car's, as status says
    # What the portal knows the ad by: [A-Za-z0-9_-]{1,19}, never given to another car.
    key: Mapped[str] = mapped_column(sa.String(19))
    switch: Mapped[str] = mapped_column(sa.String(6), default="rules")  # rules, always, never

    # --- what we want ---
    desired: Mapped[str] = mapped_column(sa.String(6), default="absent")  # live, paused, absent
    reason: Mapped[str] = mapped_column(sa.String(20), default="")  # why it is not live
    basis: Mapped[str] = mapped_column(sa.String(32), default="")  # of all the ad is made from
    desired_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)  # since when

    # --- what the portal has accepted ---
    pushed_basis: Mapped[str] = mapped_column(sa.String(32), default="")
    parts: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)  # digests, part by part
    price_cents: Mapped[int | None] = mapped_column(sa.BigInteger)  # the one accepted last
    external_id: Mapped[str] = mapped_column(sa.String(64), default="")
    url: Mapped[str] = mapped_column(sa.String(500), default="")
    # none, processing, online, paused, in_review, no_slots, rejected, expired, offline
    remote: Mapped[str] = mapped_column(sa.String(12), default="none")
    substate: Mapped[str] = mapped_column(sa.String(60), default="")  # in the portal's words
    seen_price_cents: Mapped[int | None] = mapped_column(sa.BigInteger)  # as last seen there
    drifts: Mapped[int] = mapped_column(default=0)  # how often it was put right in vain
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    pushed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    visible_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # --- what is under way ---
    # Committed before the call: create, update, pause, resume, relist, close.
    intent: Mapped[str] = mapped_column(sa.String(8), default="")
    intent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_unclear: Mapped[bool] = mapped_column(default=False)  # it was sent, its answer was lost
    looks: Mapped[int] = mapped_column(default=0)  # how often it was looked for since
    job_token: Mapped[str] = mapped_column(sa.String(80), default="")  # the portal works on it
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # nothing before this instant
    tries: Mapped[int] = mapped_column(default=0)
    # A person must act, or the car must change: not tried again while the basis is `refused_basis`.
    error_code: Mapped[str] = mapped_column(sa.String(80), default="")
    error: Mapped[str] = mapped_column(sa.String(500), default="")  # in words, with what to do
    error_field: Mapped[str] = mapped_column(sa.String(40), default="")  # where to mend it
    refused_basis: Mapped[str] = mapped_column(sa.String(32), default="")
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # seen absent, when it should be
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ListingEvent(Model):
    """What happened to a listing: for staff, and for how long a change takes to be seen."""

    __tablename__ = "listing_event"
    __table_args__ = (sa.Index("ix_listing_event_account_id_at", "account_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("portal_account.id", ondelete="CASCADE"))
    listing_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("listing.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # create, update, pause, resume, relist, close: sent; accepted, refused, unclear, adopted;
    # visible, gone: seen from outside; drift: somebody changed it there
    what: Mapped[str] = mapped_column(sa.String(12))
    words: Mapped[str] = mapped_column(sa.String(300), default="")
    seconds: Mapped[float | None]  # from the change in the stock until visible or gone


class PortalTerm(Model):
    """One entry of a portal's own lists: a make, a model, a version, a colour …"""

    __tablename__ = "portal_term"
    __table_args__ = (sa.UniqueConstraint("portal", "list", "parent", "code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    portal: Mapped[str] = mapped_column(sa.String(20))
    list: Mapped[str] = mapped_column(sa.String(20))  # make, model, trim, fuel …
    parent: Mapped[str] = mapped_column(sa.String(64), default="")  # "21" of a model, "21/55" of …
    code: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str] = mapped_column(sa.String(160))
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)  # in the last list read
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # no longer in their list


class PortalTermList(Model):
    """When one list of a portal was read last."""

    __tablename__ = "portal_term_list"

    portal: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    list: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    parent: Mapped[str] = mapped_column(sa.String(64), primary_key=True, default="")
    read_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class TermMatch(Model):
    """Which entry of a portal's list one of our words is, and how sure that is."""

    __tablename__ = "term_match"
    __table_args__ = (sa.UniqueConstraint("portal", "list", "ours"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    portal: Mapped[str] = mapped_column(sa.String(20))
    list: Mapped[str] = mapped_column(sa.String(20))
    ours: Mapped[str] = mapped_column(sa.String(300))  # "fiat", "fiat/argo", "fiat/argo/drive-1-0"
    parent: Mapped[str] = mapped_column(sa.String(64), default="")
    code: Mapped[str] = mapped_column(sa.String(64), default="")  # empty: nobody knows yet
    confidence: Mapped[int] = mapped_column(default=0)  # 0–100
    confirmed_by: Mapped[str] = mapped_column(sa.String(254), default="")  # a person, if one did
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class FeedPull(Model):
    """One time that somebody fetched a feed. The newest 500 of each account stay."""

    __tablename__ = "feed_pull"
    __table_args__ = (sa.Index("ix_feed_pull_account_id_at", "account_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("portal_account.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(sa.String(40))  # estoque.xml …
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    status: Mapped[int]  # 200, 304
    bytes_sent: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    vehicles: Mapped[int] = mapped_column(default=0)
    stock_version: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    agent: Mapped[str] = mapped_column(sa.String(160), default="")


class PublicCheck(Model):
    """Something false that was read in a public place: on our own site over HTTP, or in a portal's
    complete list. The rows of a place are replaced as a whole whenever it is read again."""

    __tablename__ = "public_check"

    id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(sa.String(8), index=True)  # page, sitemap, landing, portal
    account_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("portal_account.id", ondelete="CASCADE"), index=True
    )
    vehicle_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="CASCADE"), index=True
    )
    what: Mapped[str] = mapped_column(sa.String(8))  # as in integrators.untruth.Untruth
    said_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    true_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    url: Mapped[str] = mapped_column(sa.String(500), default="")
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)  # seen first
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)  # seen last


class PublicRound(Model):
    """One time that our own site was read back, and how many untruths were public then in all."""

    __tablename__ = "public_round"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    pages: Mapped[int] = mapped_column(default=0)  # asked for
    untrue: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(sa.String(300), default="")  # why it is not whole


class SearchNotice(Model):
    """The last offer that search engines were told of: one row."""

    __tablename__ = "search_notice"

    id: Mapped[int] = mapped_column(primary_key=True)
    # The place in the stock's history, by version and then by car.
    stock_seq: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    vehicle_id: Mapped[int] = mapped_column(default=0)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when a message was taken last
    addresses: Mapped[int] = mapped_column(default=0)  # in that message
    problem: Mapped[str] = mapped_column(sa.String(20), default="")  # a status, or "unreachable"
    rests_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
