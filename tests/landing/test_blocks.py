"""Content is data: schemas, limits, errors in words, Markdown without a way out."""

import copy

import pytest

from landing.blocks import BadContent, all_texts, read_content, rendered
from tests.landing.pages import ACT, FORM, GRID, HERO, content

MINIMAL = {
    "hero": HERO,
    "form": FORM,
    "grid": GRID,
    "offer": {"kind": "offer", "vehicles": ["abc12345"], "action": ACT},
    "benefits": {"kind": "benefits", "items": [{"title": "Laudo"}, {"title": "Garantia"}]},
    "testimonial": {
        "kind": "testimonial",
        "items": [{"text": "Bom.", "name": "Ana", "city": "Campinas", "month": "2026-03"}],
    },
    "video": {"kind": "video", "heading": "Veja", "youtube": "aqz-KE-bpKQ"},
    "countdown": {"kind": "countdown", "text": "Vale", "until": "page"},
    "faq": {"kind": "faq", "heading": "Dúvidas", "items": [{"question": "A?", "answer": "B."}]},
    "text": {"kind": "text", "markdown": "**Oi**"},
    "legal": {"kind": "legal", "text": "Condições."},
}


def reasons(data) -> tuple[str, ...]:
    with pytest.raises(BadContent) as caught:
        read_content(data)
    return caught.value.reasons


@pytest.mark.parametrize("kind", MINIMAL)
def test_every_kind_of_block_reads_and_writes_back(app, kind):
    read = read_content({**content(), "blocks": [MINIMAL[kind]]})
    assert read_content(read.as_json()) == read


@pytest.mark.parametrize("kind", MINIMAL)
def test_an_unknown_field_is_refused_by_name(app, kind):
    block = {**MINIMAL[kind], "html": "<b>"}
    (reason,) = reasons({**content(), "blocks": [block]})
    assert f"({kind})" in reason
    assert "html" in reason


@pytest.mark.parametrize("kind", MINIMAL)
def test_every_text_has_a_limit(app, kind):
    for path in _texts_of(MINIMAL[kind]):
        block = copy.deepcopy(MINIMAL[kind])
        _put(block, path, "x" * 5000)
        assert reasons({**content(), "blocks": [block]})


def _texts_of(value, path=()):
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(each, str) and key != "kind":
            yield (*path, key)
        elif isinstance(each, dict | list):
            yield from _texts_of(each, (*path, key))


def _put(value, path, text):
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = text


def test_an_error_names_the_block_and_the_field(app):
    (reason,) = reasons(content({"kind": "faq", "heading": "D", "items": [{"question": "A?"}]}))
    assert "3" in reason
    assert "faq" in reason
    assert "items 1 answer" in reason


@pytest.mark.parametrize(
    "data",
    [
        None, [], "x", 7, {}, {"blocks": []}, {"blocks": [None]}, {"blocks": [{"kind": "script"}]},
        {"blocks": [{}]}, {"blocks": {"kind": "hero"}}, content(*[GRID] * 30),
        content({"kind": "countdown", "text": "x", "until": "2027-01-01"}),
        content({**GRID, "vehicles": ["abc"]}), content({**GRID, "filter": ""}),
        content({**GRID, "filter": "drop=1"}), content({**GRID, "limit": 10_000}),
        content({**GRID, "vehicles": ["../x"], "filter": ""}),
        content({"kind": "video", "heading": "x", "youtube": "javascript:1"}),
        content(variants={"z": {}}), content(variants={"a": {"order": [1, 1]}}),
        content(variants={"a": {"weight": -1}}), content(car_headline="Sem lugar"),
        content({**HERO, "picture": {}}), content({**HERO, "picture": {"stem": "a", "alt": "b"}}),
        content({**HERO, "picture": {"stem": "../../etc", "alt": "b", "widths": [1]}}),
    ],
)  # fmt: skip
def test_content_of_no_shape_is_refused_in_words(app, data):
    for reason in reasons(data):
        assert reason
        assert "pydantic" not in reason.lower()


def test_texts_are_cleaned_of_what_cannot_be_seen(app):
    read = read_content(content(title="Semi\u202enovos\x00  com \n laudo"))
    assert read.title == "Seminovos com laudo"


def test_markdown_has_no_way_out_and_no_html(app):
    html = rendered(
        "# Título\n\n[nome](https://x.example) <https://y.example> ![foto](https://z.example/a.png)"
        "\n\n<script>alert(1)</script> <b onclick=x>oi</b>\n\n- um\n- **dois**\n\n{{ 7*7 }}"
    )
    assert "<h3>Título</h3>" in html
    assert "nome" in html
    assert "<strong>dois</strong>" in html
    for forbidden in ("href", "<a", "<img", "src", "<script", "<b ", "<h1"):
        assert forbidden not in html
    assert "{{ 7*7 }}" in html


@pytest.mark.parametrize("text", ["[x](javascript:alert(1))", "<svg/onload=x>", "`<i>`", "x" * 4000,
                                  "[" * 1000, "*" * 3000, "> " * 1500, "- " * 1500])  # fmt: skip
def test_hostile_markdown_is_harmless(text):
    html = rendered(text)
    assert "javascript:" not in html or "href" not in html
    assert "<svg" not in html


def test_all_texts_are_found(app):
    read = read_content(content(GRID, variants={"a": {}, "b": {"headline": "Outra"}}))
    found = set(all_texts(read))
    assert {"Seminovos com laudo", "Na loja hoje", "Outra", "Quero uma proposta"} <= found
