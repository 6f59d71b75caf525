"""The demo's campaign pages show every kind of block and every goal, and load once."""

import re

import pytest
import sqlalchemy as sa

from core.db import db, writing
from demo.landing_pages import found_landing_pages
from demo.loading import load_demo
from landing import editing
from landing.blocks import read_content
from landing.goals import Goal
from landing.models import LandingPage, LandingRevision

KINDS = {"hero", "offer", "grid", "benefits", "testimonial", "video", "countdown", "faq", "text",
         "form", "legal"}  # fmt: skip


def test_every_block_and_goal_stands_in_the_demo_and_answers(app):
    load_demo(40, with_photos=False)
    pages = editing.all_pages()
    contents = {page.slug: read_content(editing.live_revision(page).content) for page in pages}
    assert {block.kind for each in contents.values() for block in each.blocks} == KINDS
    assert {page.goal for page in pages} == {goal.value for goal in Goal}
    assert sum(bool(each.variants) for each in contents.values()) == 2
    client = app.test_client()
    answers = {page.slug: client.get(f"/lp/{page.slug}").status_code for page in pages}
    assert answers.pop("semana-do-zero-km") == 404
    assert answers.pop("feirao-de-novembro") == 302
    assert set(answers.values()) == {200}


@pytest.mark.sqlite_only
def test_demo_pages_are_as_good_as_their_own_rules_ask(app):
    load_demo(40, with_photos=False)
    titles, descriptions = set(), set()
    for page in editing.all_pages():
        content = read_content(editing.live_revision(page).content)
        assert 15 <= len(content.title) <= 65, content.title
        assert 70 <= len(content.description) <= 160, content.description
        assert not re.search(r"saiba mais|clique aqui", str(content).lower())
        titles.add(content.title)
        descriptions.add(content.description)
    assert len(titles) == len(descriptions) == len(editing.all_pages())


@pytest.mark.sqlite_only
def test_loading_again_keeps_what_somebody_changed(app):
    load_demo(40, with_photos=False)
    with writing():
        editing.unpublish(editing.find("troca-com-troco"))
    before = db.session.scalar(sa.select(sa.func.count(LandingRevision.id)))
    with writing():
        assert found_landing_pages() == 0
    assert db.session.scalar(sa.select(sa.func.count(LandingRevision.id))) == before
    assert db.session.scalar(sa.select(LandingPage.state).filter_by(slug="troca-com-troco")) == (
        "draft"
    )
