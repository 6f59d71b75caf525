"""What a page of the site holds: a title, a text, how it is found."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from content.articles import read_seo, read_text
from content.markdown import plain
from content.refusals import ContentRefused, needed, refuse_unlawful


def read_page(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed as a page's content. Raises ContentRefused."""
    return {
        "title": needed(values.get("title", ""), 90, "titulo"),
        **read_text(values, "texto"),
        **read_seo(values),
    }


def page_lacks(content: Mapping[str, Any]) -> None:
    """Refuse to publish an empty or unlawful page. Raises ContentRefused."""
    if not content.get("markdown"):
        raise ContentRefused(_("The page has no text yet."), "texto")
    refuse_unlawful(f"{content['title']}\n{plain(content['markdown'])}", "texto")
