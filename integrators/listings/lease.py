"""Whose turn it is to reconcile an account: one process at a time, whoever started it.

A lease in the account's row, renewed while the process lives. Who lost it (stopped too long) may
write nothing more: each record is made in the transaction that checks it.

DomainError
└── TakenOver    somebody else reconciles the account now
"""

import secrets
import threading
import time
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog
from flask import Flask, current_app

from core.clock import now
from core.db import db, writing
from core.errors import DomainError
from integrators.models import Advertiser

LONGEST_OVERTIME: Final = 300.0  # after that a pass hangs, and somebody else may take over
LEASE_SECONDS = 30.0  # how long an account rests after the process that had it was killed

log = structlog.get_logger("vitrine.portals")


class TakenOver(DomainError):
    """Somebody else reconciles the account now."""


class Lease:
    """The turn of one account, in the hands of this process."""

    def __init__(self, account_id: int, seconds: float = 0.0) -> None:
        self.account_id = account_id
        self._gives_up = time.monotonic() + seconds + LONGEST_OVERTIME
        self.holder = secrets.token_hex(8)
        self._ended = threading.Event()
        self._app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def take(self) -> bool:
        """Whether it is ours now; False while somebody else has it. Opens `writing()`."""
        # One far ahead was taken by a clock that was wrong.
        far = now() + timedelta(seconds=10 * LEASE_SECONDS)
        until = Advertiser.held_until
        free = sa.or_(until.is_(None), until < now(), until > far)
        with writing() as session:
            taken = session.execute(
                self._update(free).values(holder=self.holder, held_until=self._until())
            )
        if not taken.rowcount:  # type: ignore[attr-defined]
            return False
        threading.Thread(target=self._keep, name="portal-lease", daemon=True).start()
        return True

    def _keep(self) -> None:
        """Hold it while a portal takes its time."""
        while not self._ended.wait(LEASE_SECONDS / 3) and time.monotonic() < self._gives_up:
            try:
                with self._app.app_context(), writing():
                    self.renew()
            except TakenOver:
                return
            except sa.exc.SQLAlchemyError as error:  # away for a moment: tried again
                log.warning("portal_lease_not_kept", error=type(error).__name__)

    def renew(self) -> None:
        """Hold it longer. Raises TakenOver. Inside `writing()`, before what needs it."""
        kept = db.session.execute(
            self._update(Advertiser.holder == self.holder).values(held_until=self._until())
        )
        if not kept.rowcount:  # type: ignore[attr-defined]
            raise TakenOver(f"account {self.account_id}: reconciled by somebody else")

    def give_back(self) -> None:
        """The next one may begin at once. Opens `writing()`."""
        self._ended.set()
        with writing() as session:
            session.execute(
                self._update(Advertiser.holder == self.holder).values(holder="", held_until=None)
            )

    def _update(self, condition: sa.ColumnElement[bool]) -> sa.Update:
        return (
            sa.update(Advertiser)
            .where(Advertiser.account_id == self.account_id, condition)
            .execution_options(synchronize_session=False)
        )

    @staticmethod
    def _until() -> object:
        return now() + timedelta(seconds=LEASE_SECONDS)
