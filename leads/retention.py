"""How long what is kept: one table, printed on the privacy page and applied every day.

LGPD art. 15 and 16 set no number: whoever holds data defines and publishes it. Every rule can run
twice, works in small batches, and can first say what it would do.
"""

import calendar
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from flask_babel import ngettext

from core.clock import now
from core.db import db, writing
from leads import erasure
from leads.models import (
    Appointment,
    Consent,
    ContactClick,
    Enquiry,
    Lead,
    LeadEvent,
    Person,
    SubjectRequest,
    Submission,
    Subscription,
)
from leads.objections import StopEntry, StoppedSend
from leads.outreach.models import OutreachEntry

log = structlog.get_logger("vitrine.retention")
BATCH: Final = 100
PEOPLE_BATCH: Final = 20  # each is changed in a dozen tables


@dataclass(frozen=True)
class Period:
    """`count` whole days or calendar months, and where the number comes from."""

    count: int
    unit: str  # day, month
    source: str

    def before(self, moment: datetime) -> datetime:
        """The instant this long before `moment`; the month's last day where a day is missing."""
        if self.unit == "day":
            return moment - timedelta(days=self.count)
        months = moment.year * 12 + moment.month - 1 - self.count
        year, month = divmod(months, 12)
        last_day = calendar.monthrange(year, month + 1)[1]
        return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))

    def in_words(self) -> str:
        """'24 months', in the reader's language."""
        if self.unit == "day":
            return str(ngettext("%(num)d day", "%(num)d days", self.count))
        if self.count >= 36 and self.count % 12 == 0:
            return str(ngettext("%(num)d year", "%(num)d years", self.count // 12))
        return str(ngettext("%(num)d month", "%(num)d months", self.count))


PERIODS: Final[dict[str, Period]] = {
    "leads": Period(24, "month", "our rule (LGPD art. 16: deleted once the purpose ended)"),
    "suspects": Period(30, "day", "our rule: time enough to find a wrongly marked one"),
    "submissions": Period(12, "month", "our rule: the proof of what was sent"),
    "webhooks": Period(30, "day", "our rule: what was read out of it stays with the lead"),
    "clicks": Period(24, "month", "our rule: as long as the lead that it explains"),
    "networks": Period(6, "month", "Marco Civil (Lei 12.965/2014) art. 15: six months"),
    "proofs": Period(60, "month", "our rule (CDC art. 27 and CTN art. 173: five years)"),
}

Rule = Callable[[datetime, bool], int]


def apply_rules(*, is_trial: bool = False) -> dict[str, int]:
    """Apply every rule; how many rows each concerned. With `is_trial` nothing changes."""
    moment = now()
    counts = {name: rule(PERIODS[name].before(moment), is_trial) for name, rule in _RULES.items()}
    if not is_trial:
        log.info("retention_applied", **{name: count for name, count in counts.items() if count})
    return counts


def apply_retention(_payload: dict[str, Any]) -> None:
    """Handler: the day's turn of every rule."""
    apply_rules()


JOBS = {"apply_retention": apply_retention}


def _forget_people(stale: sa.ColumnElement[bool], reason: str, is_trial: bool) -> int:
    # Who was merged goes with who they turned out to be.
    known = sa.and_(Person.erased_at.is_(None), Person.merged_into_id.is_(None))
    query = sa.select(Person.id).where(known, stale).order_by(Person.id)
    if is_trial:
        return _count(query)
    done = 0
    last_id = 0
    while people := db.session.scalars(query.where(Person.id > last_id).limit(PEOPLE_BATCH)).all():
        with writing():
            # Asked again inside: somebody may have written a second ago.
            still = db.session.scalars(query.where(Person.id.in_(people))).all()
            for person_id in still:
                erasure.anonymise(person_id, reason, search=False)
        done += len(still)
        last_id = people[-1]
    return done


def _forget_old_people(cutoff: datetime, is_trial: bool) -> int:
    """Who has had no contact with us since `cutoff`, and asked to be told nothing."""
    return _forget_people(
        sa.and_(
            Person.updated_at < cutoff,
            ~_of_person(Enquiry.person_id, Enquiry.at >= cutoff),
            ~_of_leads(LeadEvent.lead_id, LeadEvent.at >= cutoff),
            ~_of_leads(Appointment.lead_id, Appointment.starts_at >= cutoff),
            ~_of_person(OutreachEntry.person_id, OutreachEntry.touched_at >= cutoff),
            ~_of_person(Subscription.person_id, Subscription.ended_at.is_(None)),
            ~_of_person(SubjectRequest.person_id, SubjectRequest.state == "open"),
        ),
        "retention",
        is_trial,
    )


def _forget_suspects(cutoff: datetime, is_trial: bool) -> int:
    """Who sent only suspicious posts, none since `cutoff`, and was taken up by nobody."""
    genuine = sa.or_(Enquiry.at >= cutoff, Enquiry.is_suspect.is_(False))
    return _forget_people(
        sa.and_(
            _of_person(Enquiry.person_id, Enquiry.is_suspect.is_(True)),
            ~_of_person(Enquiry.person_id, genuine),
            ~_of_person(Lead.person_id, Lead.is_suspect.is_(False)),
            ~_of_person(SubjectRequest.person_id, SubjectRequest.state == "open"),
        ),
        "suspect",
        is_trial,
    )


def _of_person(column: sa.orm.InstrumentedAttribute[Any], *where: Any) -> sa.Exists:
    return sa.exists().where(column == Person.id, *where)


def _of_leads(column: sa.orm.InstrumentedAttribute[Any], *where: Any) -> sa.Exists:
    return sa.exists().where(column == Lead.id, Lead.person_id == Person.id, *where)


def _empty_submissions(cutoff: datetime, is_trial: bool) -> int:
    """What was sent, as it was sent. What was never read stays: a lead may still be in it."""
    return _empty(cutoff, is_trial, Submission.state != "new")


def _empty_webhooks(cutoff: datetime, is_trial: bool) -> int:
    is_form = sa.or_(*(Submission.source.startswith(one) for one in erasure.FORM_SOURCES))
    return _empty(cutoff, is_trial, sa.not_(is_form), Submission.state == "done")


def _empty(cutoff: datetime, is_trial: bool, *where: sa.ColumnElement[bool]) -> int:
    full = sa.cast(Submission.payload, sa.Text) != "{}"
    query = sa.select(Submission.id).where(Submission.received_at < cutoff, full, *where)
    return _in_batches(query, is_trial, lambda ids: _change(Submission, ids, payload={}, error=""))


def _drop_clicks(cutoff: datetime, is_trial: bool) -> int:
    query = sa.select(ContactClick.id).where(ContactClick.at < cutoff)
    return _in_batches(query, is_trial, lambda ids: _delete(ContactClick, ids))


def _forget_networks(cutoff: datetime, is_trial: bool) -> int:
    """Shortened addresses, beside submissions and consents."""
    kept = sa.cast(Submission.meta, sa.Text).like('%"network":%')
    posts = sa.select(Submission.id).where(
        Submission.received_at < cutoff, kept, Submission.state != "new"
    )
    consents = sa.select(Consent.id).where(Consent.at < cutoff, Consent.network != "")
    return _in_batches(posts, is_trial, _drop_network) + _in_batches(
        consents, is_trial, lambda ids: _change(Consent, ids, network="")
    )


def _drop_network(ids: Sequence[Any]) -> None:
    for row in db.session.scalars(sa.select(Submission).where(Submission.id.in_(ids))):
        row.meta = {key: value for key, value in row.meta.items() if key != "network"}


def _drop_proofs(cutoff: datetime, is_trial: bool) -> int:
    """Consents of people erased long ago, the contacts of cases closed long ago, and what was
    lifted from the stop list long ago."""
    erased = sa.select(Person.id).where(Person.erased_at < cutoff)
    consents = sa.select(Consent.id).where(Consent.person_id.in_(erased), Consent.at < cutoff)
    cases = sa.select(SubjectRequest.id).where(SubjectRequest.done_at < cutoff)
    # An objection is kept as long as it stands: forgotten, it would be broken.
    lifted = sa.select(StopEntry.id).where(StopEntry.ended_at < cutoff)
    kept_back = sa.select(StoppedSend.id).where(StoppedSend.at < cutoff)
    return (
        _in_batches(consents, is_trial, lambda ids: _delete(Consent, ids))
        + _in_batches(cases, is_trial, lambda ids: _delete(SubjectRequest, ids))
        + _in_batches(lifted, is_trial, lambda ids: _delete(StopEntry, ids))
        + _in_batches(kept_back, is_trial, lambda ids: _delete(StoppedSend, ids))
    )


def _in_batches(
    query: sa.Select[Any], is_trial: bool, change: Callable[[Sequence[Any]], None]
) -> int:
    if is_trial:
        return _count(query)
    key = query.selected_columns[0]
    query = query.order_by(key).limit(BATCH)
    ids = db.session.scalars(query).all()
    done = 0
    while ids:
        with writing():
            change(ids)
        done += len(ids)
        ids = db.session.scalars(query.where(key > ids[-1])).all()
    return done


def _change(model: type[Any], ids: Sequence[Any], **values: Any) -> None:
    db.session.execute(
        sa.update(model).where(model.id.in_(ids)).values(**values),
        execution_options={"synchronize_session": False},
    )


def _delete(model: type[Any], ids: Sequence[Any]) -> None:
    db.session.execute(
        sa.delete(model).where(model.id.in_(ids)),
        execution_options={"synchronize_session": False},
    )


def _count(query: sa.Select[Any]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


_RULES: Final[dict[str, Rule]] = {
    "leads": _forget_old_people,
    "suspects": _forget_suspects,
    "webhooks": _empty_webhooks,
    "submissions": _empty_submissions,
    "clicks": _drop_clicks,
    "networks": _forget_networks,
    "proofs": _drop_proofs,
}
