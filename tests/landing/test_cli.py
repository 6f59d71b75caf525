"""`flask landing …`: landing pages from the terminal."""

import json
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskCliRunner

from core.db import writing
from landing import editing
from tests.landing.pages import content, make_page


@pytest.fixture
def run(app):
    runner: FlaskCliRunner = app.test_cli_runner()
    return lambda *words: runner.invoke(args=["landing", *words])


def test_pages_are_listed_shown_copied_and_published(run):
    make_page(slug="laudo")
    assert "/lp/laudo\tpublished\tproposal" in run("list").output
    assert json.loads(run("show", "laudo").stdout)["title"] == "Seminovos com laudo"
    assert run("duplicate", "laudo", "laudo-2").exit_code == 0
    assert editing.find("laudo-2").state == "draft"
    assert "http://localhost/lp/laudo-2" in run("publish", "laudo-2").output
    assert editing.find("laudo-2").state == "published"
    assert run("unpublish", "laudo-2").exit_code == 0
    assert editing.find("laudo-2").state == "draft"


def test_a_page_comes_and_leaves_by_the_hours_it_was_given(run):
    make_page(slug="feirao")
    starts, ends = "2027-12-04T09:00-03:00", "2027-12-11T12:00"
    assert run("schedule", "feirao", "--starts", starts, "--ends", ends).exit_code == 0
    page = editing.find("feirao")
    assert page.starts_at == datetime(2027, 12, 4, 12, tzinfo=UTC)
    assert page.ends_at == datetime(2027, 12, 11, 12, tzinfo=UTC)
    assert run("schedule", "feirao", "--starts", "-").exit_code == 0  # the end stays
    assert "… – 2027-12-11 12:00" in run("list").output
    assert run("schedule", "feirao", "--starts", "2028-01-01").exit_code == 1  # after the end
    assert run("schedule", "feirao", "--ends", "domingo").exit_code == 2


def test_a_revision_is_published_at_an_hour_to_come(run, app):
    make_page(slug="laudo")
    with writing():
        editing.save_draft(editing.find("laudo"), content(title="Segunda"), "test")
    told = run("publish", "laudo", "--at", "2099-01-01T00:00-03:00")
    assert "2099-01-01 03:00 UTC" in told.output
    assert editing.live_revision(editing.find("laudo")).number == 1
    there = datetime(2099, 1, 1, 3, tzinfo=UTC)
    assert editing.live_revision(editing.find("laudo"), there).number == 2


def test_a_refusal_says_every_reason_and_changes_nothing(run):
    make_page(content(variants={"a": {}, "b": {"action_text": "Saiba mais"}}), slug="mau",
              is_published=False)  # fmt: skip
    answer = run("publish", "mau")
    assert answer.exit_code == 1
    assert "Saiba mais" in answer.output
    assert editing.find("mau").state == "draft"


def test_a_preview_opens_a_draft(run, app):
    make_page(slug="rascunho", is_published=False)
    address = run("preview", "rascunho").output.strip()
    path = address.removeprefix("http://localhost")
    assert app.test_client().get(path).status_code == 200


def test_an_earlier_revision_comes_back(run):
    make_page(slug="laudo")
    with writing():
        editing.save_draft(editing.find("laudo"), content(title="Segunda"), "test")
    assert run("restore", "laudo", "1").output.strip() == "3"


def test_a_page_is_made_from_a_file_that_show_printed(run, tmp_path):
    make_page(slug="laudo")
    file = tmp_path / "pagina.json"
    file.write_text(run("show", "laudo").stdout, encoding="utf-8")
    assert run("save", "nova", str(file)).exit_code == 1  # no goal, no page
    assert run("save", "nova", str(file), "--goal", "proposal").exit_code == 0
    assert run("publish", "nova").exit_code == 0
    assert run("save", "nova", str(file)).exit_code == 0
    assert len(editing.revisions(editing.find("nova"))) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"blocks": []}', "[" * 100_000])
def test_a_file_that_is_no_page_is_refused_in_words(run, tmp_path, text):
    file = tmp_path / "pagina.json"
    file.write_text(text, encoding="utf-8")
    answer = run("save", "nova", str(file), "--goal", "proposal")
    assert answer.exit_code == 1
    assert "Traceback" not in answer.output
    assert editing.all_pages() == []


@pytest.mark.parametrize(
    "words",
    [
        ("show", "nada"),
        ("publish", "nada"),
        ("preview", "nada"),
        ("schedule", "nada", "--ends", "-"),
        ("duplicate", "nada", "x"),
        ("restore", "nada", "1"),
    ],
)
def test_an_unknown_page_ends_with_one_sentence(run, words):
    answer = run(*words)
    assert answer.exit_code == 1
    assert "Traceback" not in answer.output
    assert "/lp/nada" in answer.output
