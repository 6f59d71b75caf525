"""An account on a portal, a messaging service or an exchange, and what it may not do."""

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
