"""What somebody earned in a month, computed from the log by dated rules: pure, so that computing it
again gives the same.

A line is a visit, an accepted handoff or a sale, with the events it stands on; what is refused is
listed with the reason. Amounts are whole cents. A percentage is rounded to the nearest cent, half
up; of a split the attendant's part is rounded down and the seller gets the rest, so that the parts
are always the whole. This is no payroll: what follows from an amount is the bookkeeper's.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from dealership.hours import Schedule, hours_on, local_day
from leads.pipeline.stages import UNDOING, Stage
from leads.pipeline.standing import DECLARED, Happened, Standing, fold, is_allowed

PAID_EVENTS: Final = ("visited", "handoff_accepted", "won")
CONTACT: Final = frozenset({"talked", "reply"})  # somebody at the other end
CONTACT_DAYS: Final = 7  # working days
SATURDAY: Final = 5
HUNDRED_PERCENT: Final = 10_000  # basis points


@dataclass(frozen=True, slots=True)
class Deed(Happened):
    """An event and which colleague did it (None: the customer, a machine, somebody unknown)."""

    by: int | None = None


@dataclass(frozen=True)
class Case:
    """One lead with its whole log, in the order of the events' ids."""

    lead_id: int
    store_id: int | None
    born: datetime
    is_test: bool
    is_suspect: bool
    schedule: Schedule
    deeds: tuple[Deed, ...]

    def standing_deeds(self) -> list[Deed]:
        """Those that nobody undid."""
        undone = {one.data.get("undoes") for one in self.deeds if one.kind in UNDOING}
        return [one for one in self.deeds if one.kind not in UNDOING and one.id not in undone]


@dataclass(frozen=True)
class Rule:
    """What one kind of event pays, on the days from `valid_from` to `valid_until` (both count).

    Exactly one of `fixed_cents`, `basis_points` (hundredths of a percent of the price) and `tiers`
    says how much; a tier (from, cents) pays for the so-manieth of the month on, counted for whoever
    attended. `cap_cents` is the most it pays one person in a month.
    """

    id: int
    name: str
    event: str
    valid_from: date
    valid_until: date | None = None
    store_id: int | None = None  # None: every store's
    fixed_cents: int | None = None
    basis_points: int | None = None
    tiers: tuple[tuple[int, int], ...] = ()
    attendant_percent: int = 100
    cap_cents: int | None = None
    clawback_days: int = 7
    needs_own_booking: bool = False
    needs_contact: bool = False

    def holds(self, day: date, store_id: int | None) -> bool:
        """Whether it pays for what happened on `day` in that store."""
        is_time = self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)
        return is_time and self.store_id in (None, store_id)


@dataclass(frozen=True)
class Line:
    """One line of a statement. `whole_cents` is what the event pays both, `share_cents` this
    person's part of it, `cents` what is left of that under the cap; negative when taken back."""

    kind: str  # earned, taken_back, refused, correction
    rule_id: int
    rule: str
    lead_id: int
    event_ids: tuple[int, ...]  # the event that pays, then those it stands on
    at: str  # ISO 8601
    role: str  # attendant, seller
    whole_cents: int = 0
    share_cents: int = 0
    cents: int = 0
    reason: str = ""
    clawback_days: int = 0

    @property
    def key(self) -> str:
        """Names the line within a person's month."""
        return f"{self.kind}-{self.rule_id}-{self.event_ids[0]}-{self.role}"


@dataclass(frozen=True)
class Statement:
    """One person's month, "2026-10"."""

    staff_id: int
    month: str
    lines: tuple[Line, ...]

    @property
    def total_cents(self) -> int:
        """What it comes to."""
        return sum(line.cents for line in self.lines)

    def body(self) -> str:
        """The statement as the text that is kept and whose digest is taken: the same lines give
        the same bytes."""
        facts = {
            "staff_id": self.staff_id, "month": self.month, "total_cents": self.total_cents,
            "lines": [asdict(one) for one in self.lines],
        }  # fmt: skip
        return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def digest(self) -> str:
        """SHA-256 of `body`."""
        return hashlib.sha256(self.body().encode()).hexdigest()


def read_statement(body: str) -> Statement:
    """The statement that was kept as `body`."""
    facts: dict[str, Any] = json.loads(body)
    lines = tuple(Line(**{**one, "event_ids": tuple(one["event_ids"])}) for one in facts["lines"])
    return Statement(facts["staff_id"], facts["month"], lines)


def statement(
    person: int,
    month: str,
    rules: Collection[Rule],
    cases: Iterable[Case],
    paid: Iterable[Line] = (),
) -> Statement:
    """What `person` (a staff id) earned in `month` ("2026-10", days of the lead's store) by
    `rules`. `cases` are all leads with something that could pay in it, of anybody: tiers and splits
    need the others too. `paid` are the person's lines of closed months, for corrections.
    """
    found = statements(month, rules, cases, {person: tuple(paid)})
    return next((one for one in found if one.staff_id == person), Statement(person, month, ()))


def statements(
    month: str,
    rules: Collection[Rule],
    cases: Iterable[Case],
    paid: dict[int, tuple[Line, ...]] | None = None,
) -> list[Statement]:
    """As `statement`, of everybody who has a line, by staff id."""
    known = sorted(cases, key=lambda one: one.lead_id)
    lines = _month_lines(month, sorted(rules, key=lambda one: one.id), known)
    for person, before in (paid or {}).items():
        lines[person] += _corrections(before, known)
    return [Statement(who, month, tuple(mine)) for who, mine in sorted(lines.items()) if mine]


@dataclass(frozen=True)
class _Chance:
    """Something that could pay: the event, and where its lead stood."""

    case: Case
    deed: Deed
    attendant: int | None
    seller: int | None
    before: tuple[Deed, ...]
    is_repeated: bool
    taken_back: Deed | None
    stage: Stage  # where the lead is now


def _month_lines(
    month: str, rules: Sequence[Rule], cases: Iterable[Case]
) -> defaultdict[int, list[Line]]:
    chances = [one for case in cases for one in _chances(case, month)]
    chances.sort(key=lambda one: (one.deed.at, one.deed.id))
    lines: defaultdict[int, list[Line]] = defaultdict(list)
    counted: defaultdict[tuple[int, int], int] = defaultdict(int)
    earned: defaultdict[tuple[int, int], int] = defaultdict(int)
    for chance in chances:
        day = local_day(chance.case.schedule, chance.deed.at)
        for rule in rules:
            if rule.event == chance.deed.kind and rule.holds(day, chance.case.store_id):
                for who, line in _lines(rule, chance, counted, earned):
                    lines[who].append(line)
    return lines


def _chances(case: Case, month: str) -> Iterator[_Chance]:
    """Events of the month that could pay, walked along the lead's standing."""
    deeds = case.standing_deeds()
    walked: list[tuple[Deed, Standing, Standing]] = []
    standing = Standing(due_at=case.born)
    for deed in deeds:
        after = fold(standing, deed)
        if is_allowed(standing, deed.kind):
            walked.append((deed, standing, after))
        standing = after
    had: set[str] = set()
    for place, (deed, before, after) in enumerate(walked):
        if deed.kind == "reopened":
            had.discard("won")  # sold again is another sale; shown again is the same visit
        if deed.kind not in PAID_EVENTS:
            continue
        if local_day(case.schedule, deed.at).strftime("%Y-%m") == month:
            later = (one for one, _b, _a in walked[place + 1 :])
            yield _Chance(
                case, deed, before.attendant_id, after.seller_id,
                tuple(one for one, _b, _a in walked[:place]), deed.kind in had,
                _reopening(later) if deed.kind == "won" else None, standing.stage,
            )  # fmt: skip
        had.add(deed.kind)


def _reopening(later: Iterable[Deed]) -> Deed | None:
    """What undid a sale. Only colleagues reopen a sold lead: who writes again gets a new one."""
    return next((one for one in later if one.kind == "reopened"), None)


def _lines(
    rule: Rule,
    chance: _Chance,
    counted: defaultdict[tuple[int, int], int],
    earned: defaultdict[tuple[int, int], int],
) -> Iterator[tuple[int, Line]]:
    deed = chance.deed
    first = chance.attendant or chance.seller
    if first is None:
        return
    reason, proofs = _judged(rule, chance)
    line = Line(
        kind="earned", rule_id=rule.id, rule=rule.name, lead_id=chance.case.lead_id,
        event_ids=(deed.id, *proofs), at=deed.at.isoformat(), role="attendant",
        clawback_days=rule.clawback_days,
    )  # fmt: skip
    if reason:
        for who, role, _cents in split(0, rule.attendant_percent, chance.attendant, chance.seller):
            yield who, replace(line, kind="refused", role=role, reason=reason)
        return
    is_back = _is_taken_back(chance.case, deed, chance.taken_back, rule.clawback_days)
    whole = value_of(rule, counted[rule.id, first] + 1, price_before(chance.before, deed))
    counted[rule.id, first] += not is_back
    for who, role, share in split(whole, rule.attendant_percent, chance.attendant, chance.seller):
        room = share if rule.cap_cents is None else max(0, rule.cap_cents - earned[rule.id, who])
        cents = min(share, room)
        mine = replace(
            line, role=role, whole_cents=whole, share_cents=share, cents=cents,
            reason="cap" if cents < share else "",
        )  # fmt: skip
        yield who, mine
        if is_back and chance.taken_back is not None:
            yield who, _taken_back(mine, chance.taken_back)
        else:
            earned[rule.id, who] += cents


def _taken_back(line: Line, by: Deed) -> Line:
    return replace(
        line, kind="taken_back", event_ids=(line.event_ids[0], by.id), at=by.at.isoformat(),
        cents=-line.cents, reason="sale_undone",
    )  # fmt: skip


def _is_taken_back(case: Case, sale: Deed, back: Deed | None, days: int) -> bool:
    if back is None:
        return False
    took = local_day(case.schedule, back.at) - local_day(case.schedule, sale.at)
    return took <= timedelta(days=days)


def _judged(rule: Rule, chance: _Chance) -> tuple[str, tuple[int, ...]]:
    """Why it does not pay ("" when it does), and the events that show that it does."""
    spoilt = _spoilt(chance.case, chance.stage)
    if spoilt or chance.is_repeated:
        return spoilt or "repeated", ()
    proofs: list[int] = []
    if rule.needs_own_booking:
        booking = _own_booking(chance)
        if booking is None:
            return "no_own_booking", ()
        proofs.append(booking)
    if rule.needs_contact:
        contact = _contact(chance)
        if contact is None:
            return "no_contact", ()
        proofs.append(contact)
    if rule.basis_points is not None and not price_before(chance.before, chance.deed):
        return "no_price", ()
    return "", tuple(proofs)


def _spoilt(case: Case, stage: Stage) -> str:
    """Why the lead pays nobody anything."""
    if case.is_test:
        return "test"
    if case.is_suspect:
        return "suspect"
    return {Stage.DUPLICATE: "duplicate", Stage.INVALID: "invalid"}.get(stage, "")


def _own_booking(chance: _Chance) -> int | None:
    """The id of the appointment's event, if one of the two who are paid made it and it stood."""
    booked = [one for one in chance.before if one.kind in {"booked", "booking_cancelled"}]
    if not booked or booked[-1].kind != "booked" or booked[-1].by is None:
        return None
    return booked[-1].id if booked[-1].by in (chance.attendant, chance.seller) else None


def _contact(chance: _Chance) -> int | None:
    """The id of the newest two-way contact, if it is young enough and more than somebody's word."""
    for deed in reversed(chance.before):
        if deed.kind in CONTACT and deed.data.get("grade") != DECLARED:
            days = working_days(
                chance.case.schedule,
                local_day(chance.case.schedule, deed.at) + timedelta(days=1),
                local_day(chance.case.schedule, chance.deed.at),
            )
            return deed.id if days <= CONTACT_DAYS else None
    return None


def working_days(schedule: Schedule, first: date, last: date) -> int:
    """How many days from `first` to `last` (both count) the store opens; Mondays to Fridays while
    nobody typed its hours. 0 when `last` lies before."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    if not schedule.intervals:
        return sum(day.weekday() < SATURDAY for day in days)
    return sum(bool(hours_on(schedule, day)) for day in days)


def price_before(before: Sequence[Deed], deed: Deed) -> int:
    """The price in cents at which it was sold: as noted with the sale, else the newest proposal's.
    0 when nobody noted any."""
    for one in (deed, *reversed(before)):
        price = one.data.get("price_cents")
        if isinstance(price, int) and price > 0:
            return price
    return 0


def value_of(rule: Rule, place: int, price_cents: int) -> int:
    """Cents that the `place`-th event of the month pays, split or not."""
    if rule.basis_points is not None:
        return (price_cents * rule.basis_points + HUNDRED_PERCENT // 2) // HUNDRED_PERCENT
    if rule.tiers:
        return max(
            ((start, cents) for start, cents in rule.tiers if start <= place), default=(0, 0)
        )[1]
    return rule.fixed_cents or 0


def split(
    whole: int, attendant_percent: int, attendant: int | None, seller: int | None
) -> list[tuple[int, str, int]]:
    """(person, role, cents) of `whole`: all of it to who did both, or to the only one there is."""
    if attendant is None or seller is None or attendant == seller:
        return [
            (who, role, whole)
            for who, role in ((attendant, "attendant"), (seller, "seller"))
            if who is not None
        ][:1]
    first = whole * attendant_percent // 100
    return [(attendant, "attendant", first), (seller, "seller", whole - first)]


def _corrections(paid: Iterable[Line], cases: Sequence[Case]) -> list[Line]:
    """What closed months paid for and what is undone since, to be taken back now. The rules of
    today do not matter: only whether the event still stands."""
    by_lead = {case.lead_id: case for case in cases}
    lines = list(paid)
    settled = {_same(one) for one in lines if one.kind in {"taken_back", "correction"}}
    found = []
    for line in sorted(lines, key=lambda one: (one.at, one.event_ids)):
        case = by_lead.get(line.lead_id)
        if line.kind != "earned" or not line.cents or _same(line) in settled or case is None:
            continue
        reason, proof = _undone_since(case, line)
        if reason:
            events = (line.event_ids[0], *proof)
            found.append(
                replace(line, kind="correction", event_ids=events, cents=-line.cents, reason=reason)
            )
    return found


def _same(line: Line) -> tuple[int, int, str]:
    return line.rule_id, line.event_ids[0], line.role


def _undone_since(case: Case, line: Line) -> tuple[str, tuple[int, ...]]:
    deeds = case.standing_deeds()
    place = next((n for n, one in enumerate(deeds) if one.id == line.event_ids[0]), None)
    if place is None:
        undoing = (one.id for one in case.deeds if one.data.get("undoes") == line.event_ids[0])
        return "undone", tuple(undoing)
    back = _reopening(deeds[place + 1 :]) if deeds[place].kind == "won" else None
    if back is not None and _is_taken_back(case, deeds[place], back, line.clawback_days):
        return "sale_undone", (back.id,)
    standing = Standing(due_at=case.born)
    for deed in deeds:
        standing = fold(standing, deed)
    return _spoilt(case, standing.stage), ()
