"""Files made for one person: asked for, written in the background, fetched within a day, gone.

What stands in them is private, so each belongs to who asked; nobody else can fetch it, however
high their role.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime, db, writing
from core.errors import DomainError
from core.storage import storage

KEPT: Final = timedelta(hours=24)
LONGEST_WRITING: Final = timedelta(hours=1)


class StillWriting(DomainError):
    """The same person's file of this kind is being written already."""


class ExportFile(Model):
    """One file for one person. `options` is what its writer needs."""

    __tablename__ = "export_file"

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)  # not to be guessed
    kind: Mapped[str] = mapped_column(sa.String(10))  # stock, leads
    options: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    created_by: Mapped[str] = mapped_column(sa.String(254), index=True)
    state: Mapped[str] = mapped_column(sa.String(10), default="writing")  # writing, ready, failed
    rows_done: Mapped[int] = mapped_column(default=0)
    rows_total: Mapped[int] = mapped_column(default=0)
    file_name: Mapped[str] = mapped_column(sa.String(120))
    file_key: Mapped[str] = mapped_column(sa.String(200), default="")
    size_bytes: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


def ask_for_file(
    kind: str, options: dict[str, Any], *, file_name: str, rows_total: int, by: str
) -> ExportFile:
    """A new file for `by`. Inside `writing()`; the caller enqueues its writing. Raises
    StillWriting."""
    waiting = sa.select(ExportFile.id).where(
        ExportFile.created_by == by,
        ExportFile.kind == kind,
        ExportFile.state == "writing",
        ExportFile.created_at > now() - LONGEST_WRITING,  # longer: its job was given up
    )
    if db.session.scalar(waiting.limit(1)):
        raise StillWriting(_("Your file is being written already. Wait for it to be ready."))
    asked = ExportFile(
        id=secrets.token_hex(16),
        kind=kind,
        options=options,
        file_name=file_name,
        rows_total=rows_total,
        created_by=by,
        expires_at=now() + KEPT,
    )
    db.session.add(asked)
    db.session.flush()
    return asked


def files_of(email: str) -> list[ExportFile]:
    """The files of one person that can still be fetched, newest first."""
    return list(
        db.session.scalars(
            sa.select(ExportFile)
            .where(ExportFile.created_by == email, ExportFile.expires_at > now())
            .order_by(ExportFile.created_at.desc())
        )
    )


def find_file(file_id: str, email: str) -> ExportFile | None:
    """One's own file, while it is kept; None otherwise."""
    asked = db.session.get(ExportFile, file_id)
    is_mine = asked is not None and asked.created_by == email and asked.expires_at > now()
    return asked if is_mine else None


def sweep_exports(_payload: dict[str, Any]) -> None:
    """Handler: forget files whose day is over."""
    old = db.session.execute(
        sa.select(ExportFile.id, ExportFile.file_key).where(ExportFile.expires_at <= now())
    ).all()
    db.session.rollback()
    for row in old:
        if row.file_key:
            storage().delete(row.file_key, public=False)
        with writing() as session:
            session.execute(
                sa.delete(ExportFile).where(ExportFile.id == row.id),
                execution_options={"synchronize_session": False},
            )


JOBS = {"sweep_exports": sweep_exports}
