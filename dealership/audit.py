"""What staff changed: who, when, from where, before and after. Append-only.

A row is added in the transaction of the change itself, so neither exists without the other.
Personal data never enters: values of fields named in REDACTED are kept as "…", the rest as the
short text that a person would read.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime, db
from core.text import clean_line

LONGEST: Final = 300
HIDDEN: Final = "…"
REDACTED: Final = frozenset(
    {"password", "token", "secret", "recovery_codes", "credentials"}  # what opens doors
    | {"email", "phone", "whatsapp", "cpf", "contact", "message"}  # of people outside
    | {"license_plate", "renavam", "vin"}
)


class AuditEntry(Model):
    """One change by one person. `subject` is "vehicle:12" and the like, `label` how people call
    it."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        # Who opened which lead is asked for thousands of leads at once.
        sa.Index("ix_audit_entry_subject_action", "subject", "action"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    actor: Mapped[str] = mapped_column(sa.String(254), index=True)  # a staff e-mail, or "command"
    network: Mapped[str] = mapped_column(sa.String(45), default="")  # shortened address
    action: Mapped[str] = mapped_column(sa.String(60), index=True)  # "stock.price" …
    subject: Mapped[str] = mapped_column(sa.String(120), default="")
    label: Mapped[str] = mapped_column(sa.String(160), default="")
    store_id: Mapped[int | None]
    before: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)


def record(
    actor: str,
    action: str,
    subject: str = "",
    *,
    label: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    network: str = "",
    store_id: int | None = None,
) -> AuditEntry:
    """Add one entry, inside `writing()`. Of `before` and `after` only what differs is kept."""
    old, new = dict(before or {}), dict(after or {})
    if before is not None and after is not None:
        same = {name for name in old.keys() & new.keys() if old[name] == new[name]}
        old = {name: value for name, value in old.items() if name not in same}
        new = {name: value for name, value in new.items() if name not in same}
    entry = AuditEntry(
        actor=actor,
        action=action,
        subject=subject,
        label=clean_line(label, 160),
        before=_shown(old),
        after=_shown(new),
        network=network,
        store_id=store_id,
    )
    db.session.add(entry)
    return entry


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: HIDDEN if name in REDACTED else _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    return clean_line(str(value), LONGEST)


def _refuse_change(_mapper: Mapper[Any], _connection: Connection, _target: AuditEntry) -> None:
    raise RuntimeError("the audit log is append-only")


event.listen(AuditEntry, "before_update", _refuse_change)
event.listen(AuditEntry, "before_delete", _refuse_change)
