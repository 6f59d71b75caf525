"""What a story holds: one buyer, what was before, what changed it, how it is now.

A story shows a person: without a permission for words and image it is not published (Código Civil
art. 20), and it leaves when the permission is taken back. It ends in one call to action.
"""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import gettext as _

from content.articles import read_seo, read_text
from content.calls_to_action import Goal, check
from content.markdown import plain
from content.models import ImageConsent
from content.refusals import ContentRefused, fitting, needed, refuse_unlawful
from inventory import search

MOST_CARS: Final = 3
PARTS: Final = (("before", "antes"), ("turn", "virada"), ("after", "depois"))


def read_story(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed as a story's content. Raises ContentRefused."""
    content: dict[str, Any] = {
        "title": needed(values.get("title", ""), 90, "titulo"),
        "excerpt": fitting(values.get("excerpt", ""), 220, "resumo"),
        "quote": fitting(values.get("quote", ""), 240, "frase"),
        "person": needed(values.get("person", ""), 60, "pessoa"),
        "city": fitting(values.get("city", ""), 60, "cidade"),
        "cars": _cars(str(values.get("cars", ""))),
        "goal": _goal(values),
        "action": fitting(values.get("action", ""), 40, "botao"),
        "cover": dict(values.get("cover") or {}),
        **read_seo(values),
    }
    pictures: dict[str, Any] = {}
    for name, field in PARTS:
        part = read_text(values, field, name)
        content[name] = part[name]
        pictures |= part["pictures"]
    content["pictures"] = pictures
    return content


def _goal(values: Mapping[str, Any]) -> str:
    try:
        return Goal(str(values.get("goal") or Goal.WHATSAPP.value)).value
    except ValueError:
        raise ContentRefused(_("Choose what the reader does next."), "objetivo") from None


def _cars(text: str) -> list[str]:
    """Public ids from what was typed: ids, or addresses of offers."""
    typed = text.replace(",", " ").split()
    ids = [one.rstrip("/").rpartition("/")[2].rpartition("-")[2].lower() for one in typed]
    ids = list(dict.fromkeys(one for one in ids if one))
    if len(ids) > MOST_CARS:
        raise ContentRefused(_("At most %(n)s cars.", n=MOST_CARS), "carros")
    for one in ids:
        if search.find_offer(one) is None:
            raise ContentRefused(
                _("There is no car with the code %(code)s.", code=one[:20]), "carros"
            )
    return ids


def story_lacks(content: Mapping[str, Any], consent: ImageConsent | None) -> None:
    """Refuse to publish a story that is not whole, unlawful, or of somebody who did not allow
    it. Raises ContentRefused."""
    for name, field in (("quote", "frase"), ("excerpt", "resumo"), *PARTS, ("action", "botao")):
        if not content.get(name):
            raise ContentRefused(_("This is still missing."), field)
    verdict = check(content["action"], Goal(content["goal"]))
    if verdict.is_refused:
        raise ContentRefused(verdict.problem, "botao")
    words = "\n".join(plain(content[name]) for name, _field in PARTS)
    refuse_unlawful(f"{content['title']}\n{content['excerpt']}\n{words}", "depois")
    if consent is None or not consent.stands:
        raise ContentRefused(
            _("Without the person's permission it cannot be shown (Código Civil, art. 20).")
        )
    if not consent.covers_image:
        raise ContentRefused(_("A story shows the person: the permission must cover the image."))
