"""What buyers say: taken down by staff or sent by the buyer, looked at, shown, taken back.

Nothing is shown that nobody looked at, nor without the person's permission. Verbs flush.

DomainError
└── ContentRefused    what cannot be kept, or not shown yet
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from content import consents
from content.media import MediaItem, Use, register_use, shows
from content.models import ImageConsent, Testimonial
from content.refusals import ContentRefused, fitting, needed
from core.clock import now, today
from core.db import db
from core.storage import storage
from core.text import clean_text
from jobs.queue import enqueue

LONGEST: Final = 1200
PAGE_SIZE: Final = 12
STATES: Final = ("waiting", "published", "hidden", "archived")
_MONTH: Final = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
_YOUTUBE: Final = re.compile(
    r"https?://(?:(?:www\.|m\.)?youtube\.com/(?:watch\?(?:[^#\s]*&)?v=|shorts/|embed/)|youtu\.be/)"
    r"([A-Za-z0-9_-]{11})(?![A-Za-z0-9_-])"
)


@dataclass(frozen=True)
class TestimonialFacts:
    """What is typed of a testimonial. `month` as 2026-09; `photo` as the library gives it."""

    text: str
    name: str
    city: str = ""
    car: str = ""
    month: str = ""
    video: str = ""
    photo: Mapping[str, Any] | None = None
    store_id: int | None = None


def create_testimonial(facts: TestimonialFacts, *, by: str, state: str = "hidden") -> Testimonial:
    """A testimonial that nobody sees yet; the same words of the same person are one. Raises
    ContentRefused."""
    values = _checked(facts)
    same = db.session.scalars(
        sa.select(Testimonial).where(
            Testimonial.text == values["text"],
            Testimonial.name == values["name"],
            Testimonial.state != "archived",
        )
    ).first()
    if same is not None and state == "hidden":
        return same
    testimonial = Testimonial(**values, state=state, created_by=by)
    db.session.add(testimonial)
    db.session.flush()
    return testimonial


def revise_testimonial(testimonial: Testimonial, facts: TestimonialFacts) -> None:
    """Change what is typed of it; a photo that the buyer sent and that is not shown any more is
    deleted. Raises ContentRefused."""
    before = dict(testimonial.photo or {})
    for name, value in _checked(facts).items():
        setattr(testimonial, name, value)
    is_the_buyers = bool(before) and not before.get("media_id")
    if is_the_buyers and testimonial.photo.get("stem") != before["stem"]:
        enqueue("drop_picture", {"photo": before}, dedup_key=before["stem"])
    testimonial.updated_at = now()
    db.session.flush()


def _checked(facts: TestimonialFacts) -> dict[str, Any]:
    text = clean_text(facts.text, 100_000)
    if not text:
        raise ContentRefused(_("Write what the buyer said."), "texto")
    if len(text) > LONGEST:
        raise ContentRefused(
            _("Too long by %(over)s: at most %(n)s characters.", over=len(text) - LONGEST,
              n=LONGEST),
            "texto",
        )  # fmt: skip
    return {
        "text": text,
        "name": needed(facts.name, 60, "nome"),
        "city": needed(facts.city, 60, "cidade"),
        "car": fitting(facts.car, 60, "carro"),
        "month": read_month(facts.month),
        "youtube": read_video(facts.video),
        "photo": dict(facts.photo or {}),
        "store_id": facts.store_id,
    }


def read_month(text: str) -> str:
    """A month as 2026-09, of this year or before. Raises ContentRefused."""
    typed = text.strip()
    if found := re.fullmatch(r"(\d{1,2})/(20\d\d)", typed):
        typed = f"{found[2]}-{int(found[1]):02d}"
    if not _MONTH.fullmatch(typed):
        raise ContentRefused(_("Say month and year, such as 09/2026."), "mes")
    if typed > today().strftime("%Y-%m"):
        raise ContentRefused(_("This month is still to come."), "mes")
    return typed


def read_video(text: str) -> str:
    """The id of a YouTube video from its address; empty for none. Raises ContentRefused."""
    typed = text.strip()
    if not typed:
        return ""
    found = _YOUTUBE.match(typed)
    if found is None:
        raise ContentRefused(_("Paste the address of a YouTube video."), "video")
    return found[1]


# ---- states ----


def publish_testimonial(testimonial: Testimonial) -> None:
    """Show it. Raises ContentRefused without a permission that stands (CC art. 20)."""
    if not testimonial.may_show_words:
        raise ContentRefused(
            _("Without the person's permission it cannot be shown (Código Civil, art. 20).")
        )
    _move(testimonial, "published")


def hide_testimonial(testimonial: Testimonial) -> None:
    """Take it off the site."""
    _move(testimonial, "hidden")


def archive_testimonial(testimonial: Testimonial) -> None:
    """Put it away; `hide_testimonial` brings it back."""
    _move(testimonial, "archived")


def _move(testimonial: Testimonial, state: str) -> None:
    testimonial.state = state
    testimonial.updated_at = now()
    db.session.flush()


def record_permission(
    testimonial: Testimonial, *, covers_image: bool, evidence: str, by: str, contact: str = ""
) -> None:
    """Note a signed permission, where it is kept and whose e-mail or phone finds it again. Raises
    ContentRefused."""
    testimonial.consent = consents.give(
        testimonial.name,
        covers_image=covers_image,
        channel=consents.PAPER,
        evidence=evidence,
        by=by,
        contact=contact,
    )
    testimonial.updated_at = now()
    db.session.flush()


# ---- reading ----


def shown_query() -> sa.Select[Any]:
    """Testimonials that the public may see, the newest first."""
    return (
        sa.select(Testimonial)
        .join(Testimonial.consent)
        .where(Testimonial.state == "published", ImageConsent.revoked_at.is_(None))
        .order_by(Testimonial.month.desc(), Testimonial.id.desc())
    )


def shown_testimonials(page: int = 1) -> tuple[Sequence[Testimonial], int]:
    """One page of them and how many there are in all."""
    query = shown_query()
    total = db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = db.session.scalars(query.limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)).all()
    return rows, total


def shown_by_id(ids: Sequence[int]) -> dict[int, Testimonial]:
    """Those of `ids` that the public may see now."""
    if not ids:
        return {}
    rows = db.session.scalars(shown_query().where(Testimonial.id.in_(ids)))
    return {row.id: row for row in rows}


def public_paths() -> list[str]:
    """Addresses for the sitemap: the page, once somebody stands on it."""
    return ["/depoimentos"] if db.session.scalar(shown_query().limit(1)) else []


def counts(store_ids: Sequence[int] | None) -> dict[str, int]:
    """How many there are per state, of these stores (None: all)."""
    query = sa.select(Testimonial.state, sa.func.count()).group_by(Testimonial.state)
    if store_ids is not None:
        query = query.where(Testimonial.store_id.in_(store_ids))
    return {row[0]: row[1] for row in db.session.execute(query)}


# ---- pictures ----


def _find(item: MediaItem) -> Sequence[Use]:
    return [
        Use(_("Testimonial: %(name)s", name=row.name), f"/admin/depoimentos/{row.id}/")
        for row in db.session.scalars(sa.select(Testimonial).where(Testimonial.state != "archived"))
        if shows(row.photo, item)
    ]


def _swap(item: MediaItem, photo: dict[str, Any]) -> None:
    for row in db.session.scalars(sa.select(Testimonial)):
        if shows(row.photo, item):
            row.photo = dict(photo)


register_use(_find, _swap)


def drop_picture(payload: dict[str, Any]) -> None:
    """Handler: delete the files of a picture whose person took the permission back, unless the
    library or another testimonial shows the same one."""
    photo = payload["photo"]
    kept = [item.photo for item in db.session.scalars(sa.select(MediaItem))]
    kept += list(db.session.scalars(sa.select(Testimonial.photo)))
    if any(one and one.get("stem") == photo["stem"] for one in kept):
        return
    db.session.rollback()
    for width in photo["widths"]:
        for name in photo["formats"]:
            storage().delete(f"{photo['stem']}-{width}.{name}", public=True)


JOBS = {"drop_picture": drop_picture}
