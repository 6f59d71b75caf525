"""Who is told what happened (WebhookEndpoint), and each single telling (WebhookDelivery)."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime


class WebhookEndpoint(Model):
    """An address of another system that wants to hear of some kinds of events."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    url: Mapped[str] = mapped_column(sa.String(500))
    # Sealed: {"secret": "whsec_…", "old_secret": "whsec_…"}; both sign until `old_secret_until`.
    credentials: Mapped[bytes] = mapped_column(sa.LargeBinary, default=b"")
    old_secret_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    kinds: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    # Of one store only. Not SET NULL: it would begin to hear of every store.
    store_id: Mapped[int | None] = mapped_column(sa.ForeignKey("store.id", ondelete="CASCADE"))
    with_personal_data: Mapped[bool] = mapped_column(default=False)
    # active, paused (by staff), gone (it answered 410); what happens meanwhile waits for it
    state: Mapped[str] = mapped_column(sa.String(8), default="active")
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rest_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # after a failure
    # Up to where the log of leads and the changes of the stock were looked through.
    lead_event_seen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    first_lead_event: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    stock_seq_seen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    created_by: Mapped[str] = mapped_column(sa.String(254), default="")


class WebhookDelivery(Model):
    """One event for one endpoint: sent again under the same id until it was heard."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        # Walking the log twice tells nothing twice.
        sa.UniqueConstraint("endpoint_id", "event"),
        sa.Index("ix_webhook_delivery_due", "endpoint_id", "state", "next_try_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(
        sa.ForeignKey("webhook_endpoint.id", ondelete="CASCADE")
    )
    event: Mapped[str] = mapped_column(sa.String(60))  # lead:7, lead_event:9, vehicle:ab12cd34:99 …
    message_id: Mapped[str] = mapped_column(sa.String(40), unique=True)  # webhook-id
    kind: Mapped[str] = mapped_column(sa.String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime)  # when it happened
    payload: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    lead_id: Mapped[int | None] = mapped_column(index=True)  # whose person may be erased
    state: Mapped[str] = mapped_column(sa.String(8), default="waiting")  # waiting sent failed
    attempts: Mapped[int] = mapped_column(default=0)
    status: Mapped[int | None]  # what the other side answered last
    problem: Mapped[str] = mapped_column(sa.String(200), default="")  # in words, for staff
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)

    endpoint: Mapped[WebhookEndpoint] = relationship()
