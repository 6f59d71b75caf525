"""Posts to a right address with a wrong signature, kept a while.

A secret changed on one side only would otherwise cost every lead until somebody notices. They are
not read until their secret is mended and they prove themselves.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from core.clock import now
from core.db import db, writing
from core.secrets import SealBroken, seal, unseal
from integrators.accounts import Account, NoSuchAccount, loaded
from integrators.incoming.keeping import arrival_of
from integrators.incoming.source import Post
from integrators.incoming.sources import SOURCES
from integrators.models import RefusedPost
from leads.capture import WEBHOOK_WAIT_SECONDS, accept

MOST_KEPT: Final = 500
KEPT_HOURS: Final = 72
_PURPOSE: Final = "refused_post"
_UNSYNCED: Final = {"synchronize_session": False}

log = structlog.get_logger("vitrine.integrators")


@dataclass(frozen=True)
class Retried:
    """How a second look ended: `accepted` are leads now, `refused` still do not prove."""

    accepted: int
    refused: int


def keep_refused(account: Account, post: Post, reason: str) -> None:
    """Put `post` aside, best effort: a database that is busy is not kept from its leads."""
    # The headers are sealed: one may hold the very secret that the account does not know yet.
    sealed = seal({"headers": dict(post.headers), "address": post.address}, _PURPOSE)
    payload = {
        **post.as_payload(account.id, without=tuple(post.headers)),
        "sealed": sealed.decode(),
    }
    try:
        with writing(wait_seconds=WEBHOOK_WAIT_SECONDS) as session:
            session.add(
                RefusedPost(
                    account_id=account.id,
                    reason=reason[:60],
                    payload=payload,
                    at=post.received_at,
                )
            )
            session.flush()
            _forget_old()
    except sa.exc.SQLAlchemyError as error:
        db.session.rollback()
        log.warning("refused_post_lost", account=account.id, error=type(error).__name__)


def _forget_old() -> None:
    """The newest 500 of three days stay. Inside `writing()`."""
    oldest = sa.select(RefusedPost.id).order_by(RefusedPost.id.desc()).offset(MOST_KEPT).limit(1)
    bound = db.session.scalar(oldest)
    outdated = RefusedPost.at < now() - timedelta(hours=KEPT_HOURS)
    if bound is not None:
        outdated = sa.or_(outdated, RefusedPost.id <= bound)
    db.session.execute(sa.delete(RefusedPost).where(outdated), execution_options=_UNSYNCED)


def refused_posts(account_ids: Collection[int] | None = None) -> Sequence[RefusedPost]:
    """What is kept, newest first; of these accounts only, if some are named."""
    statement = sa.select(RefusedPost).order_by(RefusedPost.id.desc())
    if account_ids is not None:
        statement = statement.where(RefusedPost.account_id.in_(account_ids))
    return db.session.scalars(statement).all()


def retry_refused(account_ids: Collection[int] | None = None) -> Retried:
    """Look at every kept post (of these accounts) again with today's secrets: who proves itself
    now is accepted as if it came just then. Raises leads.spool.SpoolFailed."""
    accepted = refused = 0
    kept_posts = refused_posts(account_ids)
    waiting = [(row.id, row.account_id, row.payload, row.at) for row in kept_posts]
    for post_id, account_id, payload, at in reversed(waiting):
        try:
            account = loaded(account_id)
            kept = unseal(payload["sealed"].encode(), _PURPOSE)
        except (NoSuchAccount, SealBroken):
            refused += 1
            continue
        post = replace(Post.from_payload(payload, at), **kept)
        source = SOURCES[account.kind]
        if source.refusal(post, account):
            refused += 1
            continue
        accept(arrival_of(source, post, account))
        with writing() as session:
            session.execute(sa.delete(RefusedPost).where(RefusedPost.id == post_id))
        accepted += 1
    return Retried(accepted, refused)
