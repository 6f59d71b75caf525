"""What an article of the blog holds."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import gettext as _

from content.markdown import known_pictures, plain
from content.refusals import ContentRefused, fitting, needed, refuse_unlawful
from core.text import clean_text

LONGEST: Final = 40_000
LONGEST_TITLE: Final = 90
LONGEST_EXCERPT: Final = 220


def read_article(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed as an article's content. Raises ContentRefused."""
    return {
        "title": needed(values.get("title", ""), LONGEST_TITLE, "titulo"),
        "excerpt": fitting(values.get("excerpt", ""), LONGEST_EXCERPT, "resumo"),
        **read_text(values, "texto"),
        **read_seo(values),
        "cover": dict(values.get("cover") or {}),
    }


def read_text(values: Mapping[str, Any], field: str, name: str = "markdown") -> dict[str, Any]:
    """A Markdown text with the sizes of its pictures. Raises ContentRefused."""
    text = clean_text(values.get(name, ""), 1_000_000)
    if len(text) > LONGEST:
        raise ContentRefused(
            _("Too long by %(over)s: at most %(n)s characters.",
              over=len(text) - LONGEST, n=LONGEST),
            field,
        )  # fmt: skip
    return {name: text, "pictures": known_pictures(text, field)}


def read_seo(values: Mapping[str, Any]) -> dict[str, str]:
    """Title and description for searches; empty: those of the page. Raises ContentRefused."""
    return {
        "seo_title": fitting(values.get("seo_title", ""), 65, "seo_titulo"),
        "seo_description": fitting(values.get("seo_description", ""), 160, "seo_descricao"),
    }


def article_lacks(content: Mapping[str, Any]) -> None:
    """Refuse to publish an article that is not whole, or unlawful. Raises ContentRefused."""
    if not content.get("excerpt"):
        raise ContentRefused(_("Sum the article up in one or two sentences first."), "resumo")
    if not content.get("markdown"):
        raise ContentRefused(_("The article has no text yet."), "texto")
    refuse_unlawful(f"{content['title']}\n{content['excerpt']}", "resumo")
    refuse_unlawful(plain(content["markdown"]), "texto")
