"""The job table: a job is a row written in the same transaction as its cause."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime


class Job(Model):
    """One piece of work. `payload` holds ids and plain values, never objects."""

    __tablename__ = "job"
    __table_args__ = (
        # One live job per key: asking twice for the same work asks once.
        sa.Index(
            "uq_job_live",
            "kind",
            "dedup_key",
            unique=True,
            sqlite_where=sa.text("state IN ('ready', 'running') AND dedup_key IS NOT NULL"),
            postgresql_where=sa.text("state IN ('ready', 'running') AND dedup_key IS NOT NULL"),
        ),
        sa.Index("ix_job_due", "state", "priority", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(60))
    dedup_key: Mapped[str | None] = mapped_column(sa.String(200))
    payload: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    state: Mapped[str] = mapped_column(sa.String(10), default="ready")  # ready running done dead
    priority: Mapped[int] = mapped_column(default=100)  # lower runs first
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=8)
    owner: Mapped[str | None] = mapped_column(sa.String(80))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(default=0)  # grows with each claim; an old holder is refused
    deaths: Mapped[int] = mapped_column(default=0)  # workers that vanished while running it
    rerun: Mapped[bool] = mapped_column(default=False)  # asked for again while it was running
    last_error: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Timetable(Model):
    """When each periodic task runs next, so that two workers never run it twice."""

    __tablename__ = "timetable"

    name: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    next_run_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Heartbeat(Model):
    """Last sign of life of each worker; the readiness probe and staff read it."""

    __tablename__ = "worker_heartbeat"

    owner: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
