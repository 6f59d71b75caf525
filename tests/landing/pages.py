"""Landing pages for tests: a test states only what it is about."""

from itertools import count
from typing import Any

from core.db import writing
from landing import editing
from landing.goals import Goal
from landing.models import LandingPage

_numbers = count(1)
ACT = {"text": "Quero uma proposta", "goal": "proposal"}
HERO = {"kind": "hero", "headline": "Seminovos com laudo na mão", "action": ACT}
FORM = {"kind": "form", "heading": "Receba uma proposta", "action": ACT}
GRID = {"kind": "grid", "heading": "Na loja hoje", "filter": "preco_max=900000", "action": ACT}


def content(*blocks: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Content that may be published: an opening and a form, then `blocks`."""
    defaults = {
        "title": "Seminovos com laudo",
        "description": "Seminovos revisados, com laudo e preço de hoje.",
        "blocks": [HERO, FORM, *blocks],
    }
    return {**defaults, **values}


def make_page(data: dict[str, Any] | None = None, **values: Any) -> LandingPage:
    """A published page; `values`: slug, goal, starts_at, ends_at, is_published."""
    slug = values.pop("slug", f"pagina-{next(_numbers)}")
    goal = values.pop("goal", Goal.PROPOSAL)
    is_published = values.pop("is_published", True)
    store_id = values.pop("store_id", None)
    with writing():
        page = editing.create(slug, slug, goal, store_id=store_id)
        editing.save_draft(page, data or content(), "test")
        if values.get("ends_at"):
            page.ends_at = values["ends_at"]
        if is_published:
            editing.publish(page)
        editing.schedule(page, values.get("starts_at"), values.get("ends_at"))
    return page
