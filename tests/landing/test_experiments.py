"""Variants: a deal that holds still, counts in nobody's way, verdicts one may look at daily."""

import html
import math
import re
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from flask import Response, request
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from core.clock import now
from core.db import db, writing
from landing import counting, editing, experiments
from landing.experiments import Exposure, assign, results
from landing.goals import Goal
from landing.verdict import (
    ALPHA,
    MISMATCH_BELOW,
    Arm,
    chi_square_p,
    comparisons,
    evidence,
    judge,
    mismatch_p,
    sentence,
    share_between,
)
from leads.capture import Arrival, accept
from leads.suspicion import SUSPECT_FROM
from tests.factories import make_store

EVEN = {"a": 1, "b": 1}
PERSON = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140 Mobile Safari",
    "Accept-Language": "pt-BR",
}
VISITORS = [f"visitor-{number}" for number in range(4000)]


def deal(weights: dict[str, int], experiment: str = "feirao") -> list[str]:
    return [assign(experiment, visitor, weights) for visitor in VISITORS]


# --- the deal ------------------------------------------------------------------------------


def test_a_visitor_sees_the_same_variant_as_long_as_the_weights_stay(app):
    assert deal(EVEN) == deal(EVEN)
    assert deal(EVEN) == deal({"a": 50, "b": 50})


@pytest.mark.parametrize("weights", [EVEN, {"a": 90, "b": 10}, {"a": 2, "b": 1, "c": 1}])
def test_the_deal_keeps_its_weights(app, weights):
    counted = Counter(deal(weights))
    p_value = mismatch_p([counted[name] for name in weights], list(weights.values()))
    assert p_value > MISMATCH_BELOW


def test_two_experiments_deal_independently(app):
    both = Counter(zip(deal(EVEN, "um"), deal(EVEN, "dois"), strict=True))
    assert mismatch_p(list(both.values()), [1] * 4) > MISMATCH_BELOW


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        ({"a": 50, "b": 50}, {"a": 60, "b": 40}, 0.10),
        ({"a": 90, "b": 10}, {"a": 50, "b": 50}, 0.40),
        ({"a": 50, "b": 50}, {"a": 40, "b": 40, "c": 20}, 0.20),
    ],
)
def test_a_changed_weight_moves_only_the_share_that_must_move(app, before, after, share):
    moves = [pair for pair in zip(deal(before), deal(after), strict=True) if pair[0] != pair[1]]
    gained = {name for name, weight in after.items() if weight > before.get(name, 0)}
    assert {to for _from, to in moves} == gained
    assert len(moves) / len(VISITORS) == pytest.approx(share, abs=0.025)


def test_a_variant_without_weight_is_never_seen(app):
    assert set(deal({"a": 1, "b": 0})) == {"a"}
    assert set(deal({"a": 0, "b": 0})) == {"a"}
    with pytest.raises(ValueError, match="variants"):
        assign("feirao", "x", {})


# --- seeing and counting -------------------------------------------------------------------


def seen() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Exposure))


def view(app, headers=PERSON, method="GET", cookie="", weights=EVEN, shown=""):
    """(visit, response) of one request, inside the application."""
    builder = EnvironBuilder(path="/lp/feirao", method=method, headers=headers)
    if cookie:
        builder.headers["Cookie"] = f"{experiments.COOKIE}={cookie}"
    with app.request_context(builder.get_environ()):
        visit = experiments.enter(request, "feirao", weights, shown)
        return visit, experiments.log(visit, Response("x"), "/lp/feirao")


def test_a_first_view_is_counted_and_remembered_under_the_page_only(app):
    visit, response = view(app)
    assert seen() == 1
    cookie = response.headers["Set-Cookie"]
    assert "Path=/lp/feirao" in cookie
    assert "HttpOnly" in cookie
    assert "Max-Age" not in cookie
    assert "Expires" not in cookie
    assert response.headers["Cache-Control"] == "private, no-store"
    assert visit.token not in str(db.session.execute(sa.select(Exposure.visitor)).all())


def test_the_same_visitor_is_counted_once_and_sees_the_same(app):
    first, _response = view(app)
    for _ in range(3):
        again, response = view(app, cookie=first.token)
        assert again.variant == first.variant
        assert "Set-Cookie" not in response.headers
    assert seen() == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": PERSON["User-Agent"]},
        {"Accept-Language": "pt-BR"},
        {**PERSON, "User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://google.com/bot)"},
        {**PERSON, "User-Agent": "facebookexternalhit/1.1"},
        {**PERSON, "User-Agent": "WhatsApp/2.24"},
        {**PERSON, "User-Agent": "python-requests/2.32"},
        {**PERSON, "Purpose": "prefetch"},
        {**PERSON, "Sec-Purpose": "prefetch;prerender"},
        {**PERSON, "Sec-GPC": "1"},
        {**PERSON, "DNT": "1"},
    ],
)
def test_machines_and_who_asks_not_to_be_tracked_see_the_first_variant_uncounted(app, headers):
    for _ in range(8):
        visit, response = view(app, headers)
        assert visit.variant == "a"
        assert "Set-Cookie" not in response.headers
    assert seen() == 0


def test_a_head_is_not_counted(app):
    view(app, method="HEAD")
    assert seen() == 0


def test_a_browser_inside_another_program_is_a_person(app):
    agent = f"{PERSON['User-Agent']} Instagram 300.0 [FBAN/FBIOS;FBAV/450.0]"
    view(app, {**PERSON, "User-Agent": agent})
    assert seen() == 1


@pytest.mark.parametrize("cookie", ["", "x", "'; DROP", "a" * 17, "é" * 16])
def test_a_damaged_cookie_is_a_new_visitor(app, cookie):
    _visit, response = view(app, cookie=cookie)
    assert "Set-Cookie" in response.headers
    assert seen() == 1


def test_without_a_cookie_a_form_keeps_the_variant_it_came_from(app):
    for _ in range(8):
        visit, _response = view(app, method="POST", shown="b")
        assert visit.variant == "b"
    assert view(app, method="POST", shown="<script>")[0].variant == "a"
    assert seen() == 0


def test_a_page_without_variants_keeps_nothing(app):
    with app.test_request_context("/lp/feirao", headers=PERSON):
        assert experiments.lead_meta(request, "feirao", {}) == {}
        assert experiments.lead_meta(request, "feirao", {"a": 1}) == {}


def test_a_count_that_the_database_refuses_waits_and_raises_nothing(app):
    with db.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE exposure RENAME TO exposure_away"))
    try:
        view(app)
        view(app)
    finally:
        with db.engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE exposure_away RENAME TO exposure"))
    assert seen() == 0
    view(app)
    assert seen() == 3


@pytest.mark.sqlite_only
def test_a_locked_database_holds_no_page_up(app):
    with db.engine.connect() as other:
        other.exec_driver_sql("ROLLBACK") if other.in_transaction() else None
        with other.execution_options(sqlite_begin="IMMEDIATE").begin():
            visit, response = view(app)
            assert response.status_code == 200
    view(app, cookie=visit.token)
    assert seen() == 1


def test_counting_keeps_a_bounded_number_waiting(app):
    waiting = app.extensions["vitrine_counting"]
    with db.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE exposure RENAME TO exposure_away"))
    try:
        for _ in range(5):
            view(app)
        assert 0 < len(waiting.statements) <= counting.MOST_WAITING
    finally:
        with db.engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE exposure_away RENAME TO exposure"))
        waiting.statements.clear()


def test_old_exposures_are_forgotten(app):
    view(app)
    with writing() as session:
        session.execute(
            sa.update(Exposure).values(at=now() - timedelta(days=experiments.KEEP_DAYS + 1))
        )
    view(app)
    experiments.purge_exposures({})
    assert seen() == 1


# --- conversions ---------------------------------------------------------------------------


def write(visit, key: str, suspicion: int = 0) -> None:
    meta = {"experiment": "feirao", "variant": visit.variant, "visitor": visit.visitor}
    accept(
        Arrival(
            source="form:lp", idem_key=key, payload={"nome": "Ana"}, meta=meta, suspicion=suspicion
        )
    )


def test_a_conversion_is_a_visitor_who_wrote_once(app):
    visits = [view(app)[0] for _ in range(10)]
    write(visits[0], "1")
    write(visits[0], "2")
    write(visits[1], "3", suspicion=SUSPECT_FROM)
    accept(Arrival(source="form:contato", idem_key="4", payload={}, meta={}))
    found = results("feirao", EVEN)
    assert sum(arm.exposed for arm in found.arms) == 10
    assert {arm.variant: arm.converted for arm in found.arms}[visits[0].variant] == 1
    assert sum(arm.converted for arm in found.arms) == 1
    assert all(arm.converted <= arm.exposed for arm in found.arms)


def test_a_post_of_somebody_who_saw_nothing_is_no_conversion(app):
    view(app)
    stranger = experiments.Visit("feirao", "a", EVEN, visitor="0" * 32)
    write(stranger, "1")
    assert sum(arm.converted for arm in results("feirao", EVEN).arms) == 0


def test_new_weights_are_a_new_experiment(app):
    for _ in range(5):
        view(app)
    view(app, weights={"a": 1, "b": 3})
    found = results("feirao", {"a": 1, "b": 3})
    assert sum(arm.exposed for arm in found.arms) == 1
    assert found.earlier == 5
    assert results("outra", EVEN).since is None


# --- the verdict ---------------------------------------------------------------------------


def test_chi_square_agrees_with_the_tables():
    """Critical values of NIST's handbook, table 1.3.6.7.4, upper tail 0.05 and 0.001."""
    for freedom, at_5_percent, at_1_permille in (
        (1, 3.841, 10.828),
        (2, 5.991, 13.816),
        (3, 7.815, 16.266),
        (4, 9.488, 18.467),
        (7, 14.067, 24.322),
        (10, 18.307, 29.588),
    ):
        assert chi_square_p(at_5_percent, freedom) == pytest.approx(0.05, rel=2e-3)
        assert chi_square_p(at_1_permille, freedom) == pytest.approx(0.001, rel=2e-3)


def test_a_broken_split_is_not_trusted_whoever_wins():
    verdict = judge([Arm("a", 1, 1000, 20), Arm("b", 1, 800, 90)])
    assert verdict.kind == "mismatch"
    assert verdict.mismatch_p < MISMATCH_BELOW
    assert judge([Arm("a", 1, 1000, 20), Arm("b", 1, 960, 20)]).kind != "mismatch"


@pytest.mark.parametrize(
    "arms",
    [
        [],
        [Arm("a", 1, 100, 3)],
        [Arm("a", 1, 0, 0), Arm("b", 1, 0, 0)],
        [Arm("a", 1, 50, 0), Arm("b", 1, 50, 0)],
        [Arm("a", 1, 50, 3), Arm("b", 1, 50, 4)],
        [Arm("a", 1, 50, 0), Arm("b", 1, 50, 4)],
        [Arm("a", 1, 50, 1), Arm("b", 1, 50, 4), Arm("c", 2, 100, 8)],
        [Arm("a", 0, 0, 0), Arm("b", 1, 50, 4)],
    ],
)
def test_little_data_is_not_conclusive(app, arms):
    verdict = judge(arms)
    assert verdict.kind == "open"
    with app.test_request_context():
        assert len(sentence(verdict)) > 20


def test_the_winner_is_named_with_the_range_of_its_gain(app):
    verdict = judge([Arm("a", 1, 2000, 60), Arm("b", 1, 2000, 130)])
    assert verdict.kind == "winner"
    assert verdict.best.variant == "b"
    assert verdict.best.low > 1
    assert verdict.best.low < 130 / 60 < verdict.best.high
    with app.test_request_context():
        words = sentence(verdict, {"a": "Foto", "b": "Preço grande"})
    assert words.startswith("Preço grande")
    assert "Foto" in words
    turned = judge([Arm("a", 1, 2000, 130), Arm("b", 1, 2000, 60)])
    assert turned.best.variant == "a"
    assert turned.best.low == pytest.approx(verdict.best.low)


def test_uneven_weights_are_taken_into_account():
    alike = judge([Arm("a", 9, 9000, 450), Arm("b", 1, 1000, 50)])
    assert alike.kind == "open"
    better = judge([Arm("a", 9, 9000, 450), Arm("b", 1, 1000, 100)])
    assert better.kind == "winner"
    assert better.best.variant == "b"


def test_with_three_variants_the_best_must_beat_the_first():
    verdict = judge([Arm("a", 1, 3000, 90), Arm("b", 1, 3000, 95), Arm("c", 1, 3000, 200)])
    assert (verdict.kind, verdict.best.variant, verdict.best.base) == ("winner", "c", "a")
    first = judge([Arm("a", 1, 3000, 250), Arm("b", 1, 3000, 95), Arm("c", 1, 3000, 100)])
    assert (first.kind, first.best.variant) == ("winner", "a")


@settings(max_examples=150, deadline=None)
@given(
    ours=st.integers(0, 5000),
    theirs=st.integers(0, 5000),
    weight=st.integers(1, 9),
    total=st.just(10),
)
def test_the_range_holds_what_was_seen_and_agrees_with_the_evidence(ours, theirs, weight, total):
    share = weight / total
    low, high = share_between(ours, theirs, share, ALPHA)
    assert 0 <= low <= high <= 1
    if ours + theirs:
        assert low <= ours / (ours + theirs) <= high
    rules_out = evidence(ours, theirs, share) >= math.log(1 / ALPHA)
    assert rules_out == (not low - 1e-9 <= share <= high + 1e-9)


def looks(rate_a: float, rate_b: float, share: float, runs: int, seed: int) -> tuple:
    """Conversions of both variants after every 20 of 5,000 visitors, for `runs` experiments."""
    random = np.random.default_rng(seed)
    sees_b = random.random((runs, 5000)) < share
    writes = random.random((runs, 5000)) < np.where(sees_b, rate_b, rate_a)
    in_b = np.cumsum(writes & sees_b, axis=1)[:, 19::20]
    in_a = np.cumsum(writes & ~sees_b, axis=1)[:, 19::20]
    return in_a, in_b


def called(in_a: np.ndarray, in_b: np.ndarray, share: float) -> np.ndarray:
    """Whether the product calls a difference at each look; each pair of counts is asked once."""
    pairs, places = np.unique(
        np.stack([in_a.ravel(), in_b.ravel()], axis=1), axis=0, return_inverse=True
    )
    limit = math.log(1 / ALPHA)
    answers = np.array([evidence(int(b), int(a), share) >= limit for a, b in pairs])
    return answers[places.ravel()].reshape(in_a.shape)


@pytest.mark.parametrize(
    ("rate", "share", "seed"), [(0.03, 0.5, 1), (0.2, 0.5, 2), (0.05, 0.1, 3), (0.6, 0.3, 4)]
)
def test_looking_after_every_20_visitors_is_wrong_in_5_percent_at_most(rate, share, seed):
    in_a, in_b = looks(rate, rate, share, runs=1000, seed=seed)
    wrong = called(in_a, in_b, share).any(axis=1).mean()
    assert wrong <= ALPHA


def test_a_rate_that_moves_over_the_day_fools_nobody():
    random = np.random.default_rng(5)
    sees_b = random.random((1000, 5000)) < 0.5
    rate = 0.05 + 0.04 * np.sin(np.arange(5000) / 150)
    writes = random.random((1000, 5000)) < rate
    in_b = np.cumsum(writes & sees_b, axis=1)[:, 19::20]
    in_a = np.cumsum(writes & ~sees_b, axis=1)[:, 19::20]
    assert called(in_a, in_b, 0.5).any(axis=1).mean() <= ALPHA


def test_a_doubled_conversion_is_found():
    in_a, in_b = looks(0.03, 0.06, 0.5, runs=400, seed=6)
    found = called(in_a, in_b, 0.5)
    assert found.any(axis=1).mean() >= 0.95
    at_first = found.argmax(axis=1)
    row = np.arange(len(found))
    won = (in_b[row, at_first] > in_a[row, at_first])[found.any(axis=1)]
    assert won.mean() >= 0.99


def test_the_range_is_right_at_every_look_in_95_percent():
    """True ratio 2: the confidence sequence must not lose it at any of the looks."""
    in_a, in_b = looks(0.05, 0.10, 0.5, runs=300, seed=7)
    lost = 0
    for row_a, row_b in zip(in_a[:, ::5], in_b[:, ::5], strict=True):
        ranges = [
            comparisons([Arm("a", 1, 5000, int(a)), Arm("b", 1, 5000, int(b))])[0]
            for a, b in zip(row_a, row_b, strict=True)
        ]
        lost += not all(one.low <= 2 <= one.high for one in ranges)
    assert lost / 300 <= ALPHA


# --- the whole way -------------------------------------------------------------------------


def page_with_variants(slug: str = "feirao") -> None:
    act = {"text": "Quero uma proposta", "goal": "proposal"}
    content = {
        "title": "Feirão de novembro",
        "description": "SUVs com entrada de 20% até sábado, nas nossas lojas.",
        "blocks": [
            {"kind": "hero", "headline": "Feirão: SUVs com entrada de 20%", "action": act},
            {"kind": "form", "heading": "Peça a sua proposta", "action": act},
        ],
        "variants": {"a": {}, "b": {"headline": "O seu SUV sai daqui com 20%"}},
    }
    with writing():
        page = editing.create(slug, "Feirão", Goal.PROPOSAL)
        editing.save_draft(page, content, by="test")
        editing.publish(page)


def hidden_fields(text: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden"[^>]*name="(\w+)"[^>]*value="([^"]*)"', text))


def test_from_the_first_view_to_the_verdict_on_the_terminal(app):
    make_store()
    page_with_variants()
    headlines = set()
    for number in range(12):
        client = app.test_client()
        answer = client.get("/lp/feirao", headers=PERSON)
        assert answer.status_code == 200
        headline = re.search("<h1>(.*?)</h1>", answer.text)[1]
        assert headline == re.search("<h1>(.*?)</h1>", client.get("/lp/feirao").text)[1]
        headlines.add(headline)
        if number < 4:
            form = {"nome": "Ana Souza", "telefone": f"(11) 98765-43{number:02d}"}
            sent = client.post(
                "/lp/feirao", data={**hidden_fields(answer.text), **form}, headers=PERSON
            )
            assert sent.status_code == 303, sent.text
    assert len(headlines) == 2
    assert seen() == 12
    found = results("feirao", EVEN)
    assert sum(arm.exposed for arm in found.arms) == 12
    assert sum(arm.converted for arm in found.arms) == 4
    answer = app.test_cli_runner().invoke(args=["landing", "results", "feirao"])
    assert answer.exit_code == 0, answer.output
    for arm in found.arms:
        assert re.search(rf"^{arm.variant} +50% +{arm.exposed} ", answer.output, re.MULTILINE)
    assert sentence(judge(found.arms)) in answer.output


def test_a_tap_on_whatsapp_converts_where_that_is_the_goal(app):
    make_store()
    act = {"text": "Falar no WhatsApp", "goal": "whatsapp"}
    content = {
        "title": "Feirão de novembro",
        "description": "SUVs com entrada de 20% até sábado, nas nossas lojas.",
        "blocks": [{"kind": "hero", "headline": "SUVs com entrada de 20%", "action": act}],
        "variants": {"a": {}, "b": {"headline": "O seu SUV sai daqui com 20%"}},
    }
    with writing():
        page = editing.create("feirao", "Feirão", Goal.WHATSAPP)
        editing.save_draft(page, content, by="test")
        editing.publish(page)
    client = app.test_client()
    text = client.get("/lp/feirao", headers=PERSON).text
    link = html.unescape(re.search(r'href="(/w/[^"]+)"', text)[1])
    for _ in range(2):
        assert client.get(link, headers=PERSON).status_code == 302
    client.get(re.sub("visitante=[0-9a-f]+", "visitante=<b>", link), headers=PERSON)
    found = results("feirao", EVEN)
    assert [sum(arm.exposed for arm in found.arms), sum(arm.converted for arm in found.arms)] == [
        1,
        1,
    ]


def test_results_of_a_page_without_variants_are_refused_in_words(app):
    for slug in ("nao-existe", "é"):
        answer = app.test_cli_runner().invoke(args=["landing", "results", slug])
        assert answer.exit_code == 1
        assert "Traceback" not in answer.output
