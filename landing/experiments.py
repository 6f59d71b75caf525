"""A/B variants of a landing page: who sees which, who saw what, what it led to.

The deal is made on the server by a keyed hash of the visitor's random id, so a page is drawn whole
in its variant and works without a script. What we keep of a visitor is little (LGPD art. 6 III):

* One cookie, only on pages that run variants, only under that page's own address, only until the
  browser closes. It holds 96 random bits. No address, no device and no person is in it.
* The database keeps a keyed hash of those bits and the page's name, so what was seen on two pages
  cannot be joined. Exposures are deleted after half a year.
* No fingerprint stands in for the cookie. Whole mobile networks share one address here, so one
  made of address and browser would be both a surveillance and wrong. Without cookies each view
  is a visitor, in every variant alike.
* Who asks not to be tracked (Sec-GPC, DNT), machines and pages fetched ahead see the first
  variant and are not part of the experiment.

The cookie measures our own page in sum, which ANPD's guide on cookies (2022) lets rest on
legitimate interest; the privacy page names it.
"""

import hashlib
import hmac
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import Request, Response
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.config import current
from core.db import Model, UtcDateTime, db, writing
from landing import counting
from landing.verdict import Arm
from leads.models import ContactClick, Submission
from leads.suspicion import SUSPECT_FROM

COOKIE: Final = "variante"
KEEP_DAYS: Final = 180
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16}")
Weights = Mapping[str, int]


class Exposure(Model):
    """One visitor saw one variant of one page: counted once, the first time."""

    __tablename__ = "exposure"

    experiment: Mapped[str] = mapped_column(sa.String(80), primary_key=True)  # the page's slug
    visitor: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    variant: Mapped[str] = mapped_column(sa.String(40))
    # The weights then, "A:50 B:50": another deal is another experiment.
    split: Mapped[str] = mapped_column(sa.String(200))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


@dataclass(frozen=True)
class Visit:
    """One view of a page with variants. `visitor` is empty outside the experiment, `token` is what
    the cookie holds."""

    experiment: str
    variant: str
    weights: Weights
    visitor: str = ""
    token: str = ""
    is_new: bool = True


@dataclass(frozen=True)
class Results:
    """What an experiment has shown under its present weights. `earlier` are visitors of other
    weights, left out: rates before and after such a change do not compare."""

    experiment: str
    arms: tuple[Arm, ...]
    since: datetime | None
    earlier: int


def assign(experiment: str, visitor_key: str, weights: Weights) -> str:
    """The variant of `weights` (name: share, whole numbers of any sum) that this visitor sees.

    The same visitor gets the same variant while the weights stay, and the variants of two
    experiments are independent. A changed weight moves only visitors to the variant that gained or
    from the one that lost: each variant draws an exponential time at the rate of its weight and
    the first one wins (weighted rendezvous hashing), so with two variants exactly the difference
    moves and a new variant takes only its own share. Raises ValueError for no weights.
    """
    if not weights:
        raise ValueError("an experiment needs variants")

    def drawn(variant: str) -> float:
        number = int.from_bytes(_keyed("deal", experiment, visitor_key, variant)[:8], "big")
        return -math.log((number + 0.5) / 2**64) / weights[variant]

    running = [variant for variant, weight in weights.items() if weight > 0]
    return min(running, key=drawn) if running else next(iter(weights))


def enter(request: Request, experiment: str, weights: Weights, shown: str = "") -> Visit:
    """The view that `request` is. `shown` is the variant that a posted form came from: it is kept
    where there is no cookie to tell. Raises ValueError for no weights."""
    token = request.cookies.get(COOKIE, "")
    is_known = bool(_TOKEN.fullmatch(token))
    if not is_known:
        takes_part = counting.is_person(request) and not _is_private(request)
        if shown in weights or not takes_part or len(weights) < 2:
            variant = shown if shown in weights else next(iter(weights), "")
            return Visit(experiment, variant or assign(experiment, "", weights), weights)
        token = secrets.token_urlsafe(12)
    visitor = _keyed("visitor", experiment, token).hex()[:32]
    variant = assign(experiment, visitor, weights)
    return Visit(experiment, variant, weights, visitor, token, is_new=not is_known)


def log(visit: Visit, response: Response, path: str) -> Response:
    """Count that `visit` was shown `response`, and let the browser remember it under `path`.

    Never raises for the database. Call it last: see landing.counting.count.
    """
    # Another visitor must not be given this variant by a cache on the way.
    response.headers["Cache-Control"] = "private, no-store"
    response.vary.add("Cookie")
    if not visit.visitor:
        return response
    if visit.is_new:
        response.set_cookie(
            COOKIE,
            visit.token,
            path=path,
            httponly=True,
            samesite="Lax",
            secure=current().base_url.startswith("https:"),
        )
    if visit.is_new or not _is_counted(visit):
        counting.count(_insert(visit))
    return response


def lead_meta(
    request: Request, experiment: str, weights: Weights, shown: str = ""
) -> dict[str, Any]:
    """What a submission from this page keeps, so that it is counted as a conversion. Empty when
    the page has no variants."""
    if len(weights) < 2:
        return {}
    visit = enter(request, experiment, weights, shown)
    return {"experiment": experiment, "variant": visit.variant, "visitor": visit.visitor}


def results(experiment: str, weights: Weights) -> Results:
    """Visitors and conversions per variant under the present `weights`, in their order.

    A conversion is a visitor who sent a form from the page and does not look like a machine, or
    went on to WhatsApp from it; once however often, and for the variant they saw first. So there
    are never more conversions than visitors.
    """
    split = split_of(weights)
    mine = sa.and_(Exposure.experiment == experiment, Exposure.split == split)
    exposed = dict(_pairs(sa.select(Exposure.variant, sa.func.count()).where(mine)))
    since = db.session.scalar(sa.select(sa.func.min(Exposure.at)).where(mine))
    everyone = db.session.scalar(
        sa.select(sa.func.count()).where(Exposure.experiment == experiment)
    )
    converted = dict(_converted(mine, since)) if since else {}
    return Results(
        experiment,
        tuple(
            Arm(name, weight, exposed.get(name, 0), converted.get(name, 0))
            for name, weight in weights.items()
        ),
        since,
        (everyone or 0) - sum(exposed.values()),
    )


def results_of(running: Mapping[str, Weights]) -> dict[str, Results]:
    """`results` of several experiments by name, in three statements however many there are."""
    pairs = [(name, split_of(weights)) for name, weights in running.items()]
    mine = sa.tuple_(Exposure.experiment, Exposure.split).in_(pairs)
    rows = db.session.execute(
        sa.select(Exposure.experiment, Exposure.variant, sa.func.count(), sa.func.min(Exposure.at))
        .where(mine)
        .group_by(Exposure.experiment, Exposure.variant)
    ).all()
    exposed = {(name, variant): number for name, variant, number, _at in rows}
    of_all_weights = db.session.execute(
        sa.select(Exposure.experiment, sa.func.count())
        .where(Exposure.experiment.in_(running))
        .group_by(Exposure.experiment)
    )
    everyone = {row[0]: row[1] for row in of_all_weights}
    since = {name: min(at for n, _v, _c, at in rows if n == name) for name, *_rest in rows}
    wrote = _wrote(min(since.values())) if since else None
    converted: dict[tuple[str, str], int] = {}
    if wrote is not None:
        counted = db.session.execute(
            sa.select(
                Exposure.experiment,
                Exposure.variant,
                sa.func.count(sa.distinct(Exposure.visitor)),
            )
            .join(wrote, wrote.c.visitor == Exposure.visitor)
            .where(mine)
            .group_by(Exposure.experiment, Exposure.variant)
        )
        converted = {(name, variant): number for name, variant, number in counted}
    return {
        name: Results(
            name,
            tuple(
                Arm(key, weight, exposed.get((name, key), 0), converted.get((name, key), 0))
                for key, weight in weights.items()
            ),
            since.get(name),
            everyone.get(name, 0) - sum(n for (of, _v), n in exposed.items() if of == name),
        )
        for name, weights in running.items()
    }


def _wrote(since: datetime) -> sa.Subquery:
    """Visitors who sent a form that does not look like a machine's, or went on to WhatsApp."""
    sent = sa.select(Submission.meta["visitor"].as_string().label("visitor")).where(
        Submission.received_at >= since, Submission.suspicion < SUSPECT_FROM
    )
    tapped = sa.select(ContactClick.touch["visitor"].as_string()).where(ContactClick.at >= since)
    return sa.union_all(sent, tapped).subquery()


def _converted(mine: sa.ColumnElement[bool], since: datetime) -> list[tuple[str, int]]:
    wrote = _wrote(since)
    return _pairs(
        sa.select(Exposure.variant, sa.func.count(sa.distinct(Exposure.visitor)))
        .join(wrote, wrote.c.visitor == Exposure.visitor)
        .where(mine)
    )


def _pairs(statement: sa.Select[str, int]) -> list[tuple[str, int]]:
    rows = db.session.execute(statement.group_by(Exposure.variant))
    return [(variant, number) for variant, number in rows]


def split_of(weights: Weights) -> str:
    """The deal as text: "A:50 B:50"."""
    return " ".join(f"{name}:{weight}" for name, weight in weights.items())[:200]


def purge_exposures(_payload: dict[str, Any]) -> None:
    """Job: forget who saw what after KEEP_DAYS."""
    with writing() as session:
        session.execute(
            sa.delete(Exposure).where(Exposure.at < now() - timedelta(days=KEEP_DAYS)),
            execution_options={"synchronize_session": False},
        )


def _is_counted(visit: Visit) -> bool:
    try:
        key = (visit.experiment, visit.visitor)
        return db.session.get(Exposure, key) is not None
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        return True


def _insert(visit: Visit) -> sa.Executable:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    return (
        insert(Exposure)
        .values(
            experiment=visit.experiment,
            visitor=visit.visitor,
            variant=visit.variant,
            split=split_of(visit.weights),
            at=now(),
        )
        .on_conflict_do_nothing()
    )


def _is_private(request: Request) -> bool:
    return "1" in {request.headers.get("Sec-GPC"), request.headers.get("DNT")}


def _keyed(*parts: str) -> bytes:
    key = str(current().secret_key).encode()
    return hmac.new(key, "\x1f".join(parts).encode(), hashlib.sha256).digest()


JOBS = {"purge_exposures": purge_exposures}
