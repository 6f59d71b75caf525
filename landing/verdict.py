"""What an experiment says, safe to look at on any day and as often as one likes.

Pure functions over counts. The sources:

* The comparison is that of Lindon and Malek, "Anytime-Valid Inference for Multinomial Count Data"
  (NeurIPS 2022). Visitors are dealt to the variants at random with known shares, so while two
  variants convert alike, each converting visitor belongs to the second with exactly the second's
  share of the deal, whatever the conversion rate is and however it moves over the day. A beta
  mixture over that share (Robbins 1970) is a martingale under "alike"; by Ville's inequality it
  ever reaches 1/alpha with probability alpha at most. So nobody has to fix a sample size, and
  looking early costs nothing; this is exact for small counts too, where a normal approximation is
  not (Johari, Koomen, Pekelis and Walsh, "Peeking at A/B Tests", KDD 2017, tell what goes wrong).
* The same mixture, asked for every possible share, gives a confidence sequence for how much more
  one variant converts than the other.
* The sample-ratio check is the chi-square test of Fabijan et al., "Diagnosing Sample Ratio Mismatch
  in Online Controlled Experiments" (KDD 2019), with the threshold 0.001 of Kohavi, Tang and Xu,
  "Trustworthy Online Controlled Experiments" (2020), chapter 21.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from flask_babel import format_decimal
from flask_babel import gettext as _

ALPHA: Final = 0.05  # how often "alike" may ever be called a difference
MISMATCH_BELOW: Final = 0.001
# The mixture's weight in conversions: it finds differences of a third to a doubling soonest.
PRIOR_CONVERSIONS: Final = 20.0
_HALVINGS: Final = 60


@dataclass(frozen=True)
class Arm:
    """One variant: its weight in the deal, how many visitors saw it, how many of them wrote."""

    variant: str
    weight: int
    exposed: int
    converted: int

    @property
    def rate(self) -> float:
        """Conversions per visitor, 0 to 1."""
        return self.converted / self.exposed if self.exposed else 0.0


@dataclass(frozen=True)
class Comparison:
    """How much more `variant` converts than `base`, as a ratio of rates: 1 is alike, 2 is double.
    `high` may be infinite. `is_decided` when alike is ruled out."""

    variant: str
    base: str
    low: float
    high: float

    @property
    def is_decided(self) -> bool:
        return self.low > 1 or self.high < 1

    @property
    def turned(self) -> "Comparison":
        """The same seen from the other side."""
        low = 1 / self.high if self.high else math.inf
        return Comparison(self.base, self.variant, low, 1 / self.low if self.low else math.inf)


@dataclass(frozen=True)
class Verdict:
    """`mismatch`: the split is broken and nothing else counts. `winner`: `best` says who and by
    how much. `open`: not conclusive; `best` is the comparison that is nearest to an answer."""

    kind: Literal["mismatch", "winner", "open"]
    mismatch_p: float
    best: Comparison | None


def judge(arms: Sequence[Arm]) -> Verdict:
    """The verdict on `arms`; the first is the one that the others are compared with."""
    dealt = [arm for arm in arms if arm.weight > 0]
    p_value = mismatch_p([arm.exposed for arm in dealt], [arm.weight for arm in dealt])
    found = comparisons(dealt)
    if p_value < MISMATCH_BELOW:
        return Verdict("mismatch", p_value, None)
    better = [one for one in found if one.low > 1]
    if better:
        return Verdict("winner", p_value, max(better, key=lambda one: one.low))
    if found and all(one.high < 1 for one in found):
        nearest = max(found, key=lambda one: one.high)
        return Verdict("winner", p_value, nearest.turned)
    if not any(arm.converted for arm in dealt):
        return Verdict("open", p_value, None)
    return Verdict("open", p_value, max(found, key=lambda one: one.low, default=None))


def comparisons(arms: Sequence[Arm]) -> list[Comparison]:
    """Each further arm against the first, ALPHA shared among them (Bonferroni)."""
    if len(arms) < 2:
        return []
    base, *others = arms
    alpha = ALPHA / len(others)
    return [_compare(arm, base, alpha) for arm in others]


def _compare(arm: Arm, base: Arm, alpha: float) -> Comparison:
    share = arm.weight / (arm.weight + base.weight)
    low, high = share_between(arm.converted, base.converted, share, alpha)
    # What share of the conversions means for the rates: odds over the odds of the deal.
    odds = share / (1 - share)
    return Comparison(
        arm.variant,
        base.variant,
        low / (1 - low) / odds,
        high / (1 - high) / odds if high < 1 else math.inf,
    )


def evidence(ours: int, theirs: int, share: float, at: float | None = None) -> float:
    """Natural logarithm of the evidence that `ours` of `ours + theirs` conversions are not dealt
    with probability `at` (default: `share`, that is: alike). Reaches ln(1/alpha) with probability
    alpha at most, over all times together."""
    point = share if at is None else at
    prior_ours, prior_theirs = PRIOR_CONVERSIONS * share, PRIOR_CONVERSIONS * (1 - share)
    mixed = _log_beta(prior_ours + ours, prior_theirs + theirs) - _log_beta(
        prior_ours, prior_theirs
    )
    return mixed - _times_log(ours, point) - _times_log(theirs, 1 - point)


def share_between(ours: int, theirs: int, share: float, alpha: float) -> tuple[float, float]:
    """The shares of conversions that `evidence` does not rule out: a confidence sequence, right at
    all times together with probability 1 - alpha."""
    if ours + theirs == 0:
        return 0.0, 1.0
    middle = ours / (ours + theirs)
    limit = math.log(1 / alpha)

    def is_ruled_out(point: float) -> bool:
        return evidence(ours, theirs, share, point) >= limit

    low = _edge(is_ruled_out, 0.0, middle) if ours else 0.0
    high = _edge(is_ruled_out, 1.0, middle) if theirs else 1.0
    return low, high


def _edge(is_ruled_out: Callable[[float], bool], outside: float, inside: float) -> float:
    """Where between the two the answer changes."""
    for _step in range(_HALVINGS):
        point = (outside + inside) / 2
        if is_ruled_out(point):
            outside = point
        else:
            inside = point
    return inside


def mismatch_p(counts: Sequence[int], weights: Sequence[int]) -> float:
    """How probable a split at least as uneven as `counts` is when `weights` are the deal: the
    p-value of Pearson's chi-square test. 1 when there is nothing to compare."""
    total, weight = sum(counts), sum(weights)
    if not total or len(counts) < 2:
        return 1.0
    expected = [total * one / weight for one in weights]
    statistic = sum((seen - due) ** 2 / due for seen, due in zip(counts, expected, strict=True))
    return chi_square_p(statistic, len(counts) - 1)


def chi_square_p(statistic: float, freedom: int) -> float:
    """P(chi-square with `freedom` degrees > `statistic`), by the closed forms for whole degrees
    (Abramowitz and Stegun 26.4.4 and 26.4.5)."""
    if statistic <= 0:
        return 1.0
    half = statistic / 2
    if freedom % 2 == 0:
        start, total = 0.0, 0.0
    else:
        start, total = 0.5, math.erfc(math.sqrt(half))
    # Terms half**k e**-half / gamma(k + 1), for k below freedom / 2.
    power = start
    while power < freedom / 2:
        total += math.exp(power * math.log(half) - half - math.lgamma(power + 1))
        power += 1
    return min(1.0, total)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _times_log(count: int, share: float) -> float:
    if count == 0:
        return 0.0
    return count * math.log(share) if share > 0 else -math.inf


# --- words ---------------------------------------------------------------------------------


def sentence(verdict: Verdict, titles: Mapping[str, str] | None = None) -> str:
    """The verdict for somebody who never read about statistics. `titles` name the variants."""

    def name(variant: str) -> str:
        return (titles or {}).get(variant, variant)

    best = verdict.best
    if verdict.kind == "mismatch":
        return _(
            "Do not trust this result: the split is not what was configured. Something treats the "
            "variants differently (a redirect, a cache, a page that fails). Mend it, then start a "
            "new experiment."
        )
    if best is None:
        return _("Not conclusive yet: too few people wrote. Keep the variants running.")
    if verdict.kind == "open":
        return _open_sentence(best, name(best.variant), name(best.base))
    if math.isinf(best.high):
        return _(
            "%(variant)s converts more: at least %(low)s%% more than %(base)s.",
            variant=name(best.variant),
            base=name(best.base),
            low=_percent(best.low - 1),
        )
    return _(
        "%(variant)s converts more: between %(low)s%% and %(high)s%% more than %(base)s.",
        variant=name(best.variant),
        base=name(best.base),
        low=_percent(best.low - 1),
        high=_percent(best.high - 1),
    )


def _open_sentence(best: Comparison, variant: str, base: str) -> str:
    if math.isinf(best.high) or best.low <= 0:
        return _("Not conclusive yet: too few people wrote. Keep the variants running.")
    if best.low > 1 or best.high < 1:
        return _("Not conclusive yet: no variant is better than all others. Keep them running.")
    return _(
        "Not conclusive yet: %(variant)s may convert up to %(less)s%% less or up to %(more)s%% "
        "more than %(base)s. Keep the variants running.",
        variant=variant,
        base=base,
        less=_percent(1 - best.low),
        more=_percent(best.high - 1),
    )


def _percent(part: float) -> str:
    """0.1234 -> '12', 0.0123 -> '1,2': two digits say enough."""
    percent = part * 100
    return format_decimal(round(percent) if percent >= 10 else round(percent, 1))
