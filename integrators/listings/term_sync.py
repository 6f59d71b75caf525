"""The portals' own lists, read again, and our words matched with them where that is sure.

Only what we have in stock is asked for: all makes, the models of our makes, the versions of our
models. Each list is kept when it was read, so that a job that was stopped goes on where it was. A
list that cannot be read, or comes back empty, takes nothing away from what is known; one that is
much shorter at once does so only when the next one says the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog

from core.clock import now
from core.db import db, writing
from core.text import fold
from integrators import accounts
from integrators.accounts import NoSuchAccount
from integrators.listings.calls import Pace, PortalCalls
from integrators.listings.term_matching import Candidate, Word, level_of, ranked, taken
from integrators.listings.terms import LEVELS, forget_below, list_at, stock_words
from integrators.models import Advertiser, PortalTerm, PortalTermList, TermMatch
from integrators.portals.every import PORTALS
from integrators.portals.portal import CallFailed, Calls, HoldOn, Locked, Portal, Term
from inventory import vocabulary
from jobs.queue import enqueue

KEPT: Final = timedelta(days=7)  # how long a list is good
_AT_ONCE: Final = 500
# A list that lost more than both at once is likely to be cut off: their ads would all stop.
_MOST_LOST: Final = 10  # entries
_MOST_LOST_SHARE: Final = 0.3

log = structlog.get_logger("vitrine.portals")


@dataclass
class Synced:
    """How many lists were read and could not be, how many words were matched."""

    read: int = 0
    failed: int = 0
    matched: int = 0


def sync_terms(account_id: int, calls: PortalCalls | None = None) -> Synced:
    """Read the lists of the account's portal that are due and match our words with them. `calls`:
    those of a pass under way, so that both keep one pace.

    Raises NoSuchAccount, and HoldOn when the portal asked for patience in the middle: what was
    read is kept, and the rest is read the next time.
    """
    account = accounts.loaded(account_id)
    portal = PORTALS.get(account.kind)
    done = Synced()
    if portal is None or not portal.term_lists or not account.is_active:
        return done
    rate = portal.limits.calls_per_second
    with nullcontext(calls) if calls else PortalCalls(account, Pace(rate, rate)) as calls:
        stopped = _sync(portal, calls, done)
    log.info("portal_terms", portal=portal.kind, read=done.read, failed=done.failed,
             matched=done.matched)  # fmt: skip
    if isinstance(stopped, HoldOn):
        raise stopped
    return done


def _sync(portal: Portal, calls: Calls, done: Synced) -> CallFailed | None:
    """List by list, root first. What stopped the reading, if something did: what is known is
    matched all the same."""
    words = stock_words(portal)
    db.session.rollback()
    stopped: CallFailed | None = None
    for name in portal.term_lists:
        if level_of(name) not in LEVELS and name not in vocabulary.KINDS:
            words[name] = _asked_for(portal.kind, name)
        parents = _parents(portal.kind, name, words[name])
        if stopped is None:
            stopped = _read_due(portal, calls, name, sorted(set(parents.values())), done)
        done.matched += _match(portal.kind, name, words[name], parents)
    return stopped


# --- reading ---------------------------------------------------------------------------------


def _parents(portal: str, name: str, words: Mapping[str, Word]) -> dict[str, str]:
    """The portal's code of what each word hangs below, by our key; words without one are left
    out: their parent has to be known first. Lists that hang below nothing have ""."""
    level = level_of(name)
    if level not in LEVELS[1:]:
        return dict.fromkeys(words, "") or {"": ""}
    above = LEVELS[: LEVELS.index(level)]
    lists = [list_at(name, one) for one in above]
    rows = db.session.execute(
        sa.select(TermMatch.list, TermMatch.ours, TermMatch.code).where(
            TermMatch.portal == portal, TermMatch.list.in_(lists), TermMatch.code != ""
        )
    )
    codes = {(row.list, row.ours): row.code for row in rows}
    parents = {}
    for key in words:
        slugs = key.split("/")
        chain = [
            codes.get((one, "/".join(slugs[: depth + 1])), "") for depth, one in enumerate(lists)
        ]
        if all(chain):
            parents[key] = "/".join(chain)
    return parents


def _read_due(
    portal: Portal, calls: Calls, name: str, parents: Sequence[str], done: Synced
) -> CallFailed | None:
    """Read those lists that are due. What stops all further reading, if something does."""
    rows = db.session.execute(
        sa.select(PortalTermList.parent, PortalTermList.read_at).where(
            PortalTermList.portal == portal.kind, PortalTermList.list == name
        )
    )
    fresh = {row.parent for row in rows if row.read_at > now() - KEPT}
    for parent in parents:
        if parent in fresh:
            continue
        try:
            terms = list(portal.terms(calls, name, parent))
        except (HoldOn, Locked) as error:
            return error
        except CallFailed as error:
            done.failed += 1
            log.warning("portal_terms_unread", portal=portal.kind, list=name, error=str(error))
            continue
        db.session.rollback()
        with writing():
            keep_list(portal.kind, name, parent, terms)
        done.read += 1
    return None


def keep_list(portal: str, name: str, parent: str, terms: Iterable[Term]) -> None:
    """`terms` is the whole list now. Entries that left it, or whose code means something else
    now, are no longer what our words stand for; an empty list says nothing. Of what is missing in
    a list that lost much at once, only that goes which the list before did not have either.
    Inside `writing()`."""
    new = {term.code[:64]: term.name[:160] for term in terms if term.code}
    instant = now()
    where = (PortalTerm.portal == portal, PortalTerm.list == name, PortalTerm.parent == parent)
    known = {row.code: row for row in db.session.scalars(sa.select(PortalTerm).where(*where))}
    if known and not new:
        log.warning("portal_terms_empty", portal=portal, list=name, parent=parent)
        return
    missing = [row for code, row in known.items() if code not in new and not row.gone_at]
    doubted = _doubted(portal, name, parent, missing) if _is_much(missing, known) else set()
    lost = []
    for code, row in known.items():
        if code in doubted:
            continue
        if code not in new:
            row.gone_at = row.gone_at or instant
            lost.append(code)
            continue
        if fold(row.name) != fold(new[code]):
            lost.append(code)
        row.name, row.seen_at, row.gone_at = new[code], instant, None
    fresh = [
        {"portal": portal, "list": name, "parent": parent, "code": code, "name": new[code]}
        for code in new.keys() - known.keys()
    ]
    if fresh:
        db.session.execute(sa.insert(PortalTerm), [{**row, "seen_at": instant} for row in fresh])
    _let_go(portal, name, parent, lost)
    db.session.merge(PortalTermList(portal=portal, list=name, parent=parent, read_at=instant))
    db.session.flush()


def _is_much(missing: Sequence[PortalTerm], known: Mapping[str, PortalTerm]) -> bool:
    there = sum(row.gone_at is None for row in known.values())
    return len(missing) > max(_MOST_LOST, _MOST_LOST_SHARE * there)


def _doubted(portal: str, name: str, parent: str, missing: Sequence[PortalTerm]) -> set[str]:
    """The codes of those of `missing` that the list read last still had."""
    last = db.session.get(PortalTermList, (portal, name, parent))
    doubted = {row.code for row in missing if last is None or row.seen_at >= last.read_at}
    if doubted:
        log.warning("portal_terms_shorter", portal=portal, list=name, parent=parent,
                    missing=len(missing))  # fmt: skip
    return doubted


def _let_go(portal: str, name: str, parent: str, codes: Sequence[str]) -> None:
    if not codes:
        return
    rows = db.session.scalars(
        sa.select(TermMatch).where(
            TermMatch.portal == portal,
            TermMatch.list == name,
            TermMatch.parent == parent,
            TermMatch.code.in_(codes),
        )
    )
    for row in rows.all():
        row.code, row.confirmed_by, row.confidence, row.at = "", "", 0, now()
        forget_below(row)


def _asked_for(portal: str, name: str) -> dict[str, Word]:
    """The words of a list that only its adapter knows: those that it asked for in vain."""
    rows = db.session.scalars(
        sa.select(TermMatch.ours).where(
            TermMatch.portal == portal, TermMatch.list == name, TermMatch.code == ""
        )
    )
    return {ours: Word(ours, (ours,)) for ours in rows}


# --- matching --------------------------------------------------------------------------------


def _match(portal: str, name: str, words: Mapping[str, Word], parents: Mapping[str, str]) -> int:
    """Match the words of one list that nobody has decided on; how many were taken."""
    if name in vocabulary.KINDS:
        words = {code: words.get(code, Word(code, (code,))) for code in vocabulary.codes(name)}
        parents = dict.fromkeys(words, "")
    settled = set(
        db.session.scalars(
            sa.select(TermMatch.ours).where(
                TermMatch.portal == portal,
                TermMatch.list == name,
                sa.or_(TermMatch.code != "", TermMatch.confirmed_by != ""),
            )
        )
    )
    found = []
    pending = [key for key in words if key in parents and key not in settled]
    terms = _terms_by_parent(portal, name, {parents[key] for key in pending})
    for key in pending:
        best = ranked(name, words[key], terms.get(parents[key], ()))
        found.append((words[key], parents[key], best[0] if best else None, taken(best) is not None))
    db.session.rollback()
    return sum(_write(portal, name, some) for some in _slices(found))


Found = tuple[Word, str, Candidate | None, bool]


def _write(portal: str, name: str, found: Sequence[Found]) -> int:
    matched = 0
    with writing():
        keys = [word.key for word, *_rest in found]
        rows = db.session.scalars(
            sa.select(TermMatch).where(
                TermMatch.portal == portal, TermMatch.list == name, TermMatch.ours.in_(keys)
            )
        )
        known = {row.ours: row for row in rows}
        new = []
        for word, parent, best, is_taken in found:
            row = known.get(word.key)
            code = best.term.code if best and is_taken else ""
            values = {"parent": parent, "confidence": best.confidence if best else 0, "code": code}
            if row is None:
                # A word that is not in stock and that nobody asked for needs no person.
                if code or word.cars:
                    new.append({"portal": portal, "list": name, "ours": word.key, **values})
            elif row.code or row.confirmed_by:
                continue  # decided meanwhile
            elif any(getattr(row, key) != value for key, value in values.items()):
                for key, value in {**values, "at": now()}.items():
                    setattr(row, key, value)
            matched += bool(code)
        if new:
            db.session.execute(sa.insert(TermMatch), [{**row, "at": now()} for row in new])
    return matched


def _terms_by_parent(portal: str, name: str, parents: Iterable[str]) -> dict[str, list[Term]]:
    terms = defaultdict(list)
    for some in _slices(sorted(parents)):
        rows = db.session.execute(
            sa.select(PortalTerm.parent, PortalTerm.code, PortalTerm.name).where(
                PortalTerm.portal == portal,
                PortalTerm.list == name,
                PortalTerm.parent.in_(some),
                PortalTerm.gone_at.is_(None),
            )
        )
        for row in rows:
            terms[row.parent].append(Term(row.code, row.name))
    return terms


def _slices(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))


# --- jobs ------------------------------------------------------------------------------------


def _refresh_terms(_payload: dict[str, Any]) -> None:
    are_on = set(
        db.session.scalars(sa.select(Advertiser.account_id).where(Advertiser.is_on.is_(True)))
    )
    waiting = [
        account.id
        for account in accounts.everyone()
        if account.id in are_on and account.is_active and account.kind in PORTALS
    ]
    db.session.rollback()
    with writing():
        for account_id in waiting:
            enqueue("sync_terms", {"account_id": account_id}, dedup_key=str(account_id))


def _sync_terms(payload: dict[str, Any]) -> None:
    try:
        sync_terms(payload["account_id"])
    except NoSuchAccount:
        return  # deleted meanwhile


JOBS = {"refresh_terms": _refresh_terms, "sync_terms": _sync_terms}
