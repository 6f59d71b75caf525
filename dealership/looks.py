"""What the group says of itself and how it looks: changed in one step, taken back in one.

Every change keeps what was before as an `IdentityVersion`. Verbs flush; the caller opens
`writing()`. Refusals are `dealership.editing.SettingRefused`, a sentence per field.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from validate_docbr import CNPJ

from core.db import db
from core.errors import DomainError
from core.money import parse_brl
from core.text import clean_line, clean_text, parse_phone
from dealership.branding import parse_color
from dealership.editing import SettingRefused, read_email
from dealership.identity import Identity, dealership_row
from dealership.models import Dealership, IdentityVersion

# Families that are on people's machines already: nothing is downloaded.
FONTS: Final[Mapping[str, str]] = {
    "": _l("The device's own (quickest)"),
    "Georgia, 'Times New Roman', serif": _l("Classic, with serifs"),
    "'Avenir Next', Avenir, Montserrat, 'Segoe UI', sans-serif": _l("Geometric"),
    "'Gill Sans', 'Gill Sans MT', Calibri, sans-serif": _l("Humanist"),
    "Verdana, Geneva, sans-serif": _l("Wide and easy to read"),
    "Rockwell, 'Roboto Slab', 'Courier Bold', serif": _l("Strong, with slabs"),
}
# In percent a month; what inventory.financing computes with.
LOWEST_RATE: Final = Decimal("0.1")
HIGHEST_RATE: Final = Decimal(10)
HIGHEST_FEES_CENTS: Final = 5_000_000
KEPT_VERSIONS: Final = 50
LOGO_WIDTH_PX: Final = 360  # twice the widest that the head of a page shows
LONGEST_TEXT: Final = 2000
_RATE: Final = re.compile(r"([0-9]{1,2})(?:[.,]([0-9]{1,4}))?\s*%?\Z")
_LINES: Final = {"name": 80, "legal_name": 160, "tagline": 160, "finance_agent": 120}


@dataclass(frozen=True, kw_only=True)
class IdentityFacts:
    """Everything staff say of the group, as text; `logo` as content.media keeps a picture."""

    name: str = ""
    legal_name: str = ""
    cnpj: str = ""
    tagline: str = ""
    about: str = ""
    email: str = ""
    phone: str = ""
    whatsapp: str = ""
    brand_color: str = "#1d4ed8"
    font_family: str = ""
    tone: str = ""
    finance_monthly_percent: str = "1.99"
    finance_fees: str = "0"
    finance_agent: str = ""
    logo: Mapping[str, Any] = field(default_factory=dict)


def facts_now() -> IdentityFacts:
    """What is kept now."""
    return facts_of(dealership_row())


def facts_of(row: Dealership) -> IdentityFacts:
    """What `row` keeps, in the form that `change_identity` takes."""
    same = IdentityFacts.__dataclass_fields__.keys() - {
        "finance_monthly_percent", "finance_fees", "logo"
    }  # fmt: skip
    return IdentityFacts(
        **{name: getattr(row, name) or "" for name in same},
        finance_monthly_percent=_short(Decimal(str(row.finance_monthly_percent))),
        finance_fees=f"{(row.finance_fees_cents or 0) / 100:.2f}",
        logo=dict(row.logo or {}),
    )


def _short(rate: Decimal) -> str:
    return f"{rate:.4f}".rstrip("0").rstrip(".") or "0"


def read_cnpj(text: str) -> str:
    """Fourteen characters, letters allowed in the first twelve (IN RFB 2.229/2024). Raises
    SettingRefused."""
    plain = re.sub(r"[\s./-]", "", text).upper()
    if len(plain) != 14 or not plain.isascii() or not CNPJ().validate(plain):
        raise SettingRefused({"cnpj": _("This CNPJ is not right. Check its digits.")})
    return plain


def read_rate(text: str) -> str:
    """Percent a month with up to four decimals: '1,99' -> '1.99'. Raises SettingRefused."""
    match = _RATE.match(text.strip())
    rate = Decimal(f"{match[1]}.{match[2] or '0'}") if match else Decimal(0)
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise SettingRefused(
            {"finance_monthly_percent": _("Type the rate in percent a month, like 1,99.")}
        )
    return _short(rate)


def read_fees(text: str) -> str:
    """Reais and cents as text. Raises core.money.NotMoney and SettingRefused."""
    cents = parse_brl(text)
    if cents > HIGHEST_FEES_CENTS:
        raise SettingRefused({"finance_fees": _("These fees are too high to be true.")})
    return f"{cents / 100:.2f}"


def read_color(text: str) -> str:
    """'#rrggbb'. Raises dealership.branding.NotAColor."""
    return parse_color(text).hex


_READERS: Final[Mapping[str, Callable[[str], str]]] = {
    "cnpj": read_cnpj,
    "email": read_email,
    "phone": parse_phone,
    "whatsapp": parse_phone,
    "brand_color": read_color,
    "finance_monthly_percent": read_rate,
    "finance_fees": read_fees,
}
_MAY_BE_EMPTY: Final = frozenset({"cnpj", "email", "phone", "whatsapp"})


def cleaned(facts: IdentityFacts, known_font: str = "") -> IdentityFacts:
    """`facts` as they are stored; `known_font` is allowed besides those of FONTS. Raises
    SettingRefused with a sentence per field."""
    problems: dict[str, str] = {}
    values: dict[str, Any] = {
        name: clean_line(getattr(facts, name), limit) for name, limit in _LINES.items()
    }
    values |= {name: clean_text(getattr(facts, name), LONGEST_TEXT) for name in ("about", "tone")}
    if not values["name"]:
        problems["name"] = _("Type the name that buyers know.")
    for name, read in _READERS.items():
        text = getattr(facts, name)
        if not text.strip() and name in _MAY_BE_EMPTY:
            values[name] = ""
            continue
        try:
            values[name] = read(text)
        except DomainError as error:
            problems[name] = str(error)
    if facts.font_family not in FONTS and facts.font_family != known_font:
        problems["font_family"] = _("Choose a typeface from the list.")
    if problems:
        raise SettingRefused(problems)
    return replace(facts, **values)


def change_identity(facts: IdentityFacts, *, by: str) -> IdentityVersion | None:
    """The group is called so and looks so from now on; what was before, or None when nothing
    differs. Raises SettingRefused."""
    row = held_row()
    before = facts_of(row)
    wanted = cleaned(facts, before.font_family)
    if wanted == before:
        return None
    version = IdentityVersion(by=by, facts=asdict(before))
    db.session.add(version)
    _fill(row, wanted)
    db.session.flush()
    _forget_old_versions()
    return version


def take_back(version: IdentityVersion, *, by: str) -> IdentityVersion | None:
    """Name and looks as they were before `version`'s change; what was in between is kept too.
    Raises SettingRefused."""
    known = IdentityFacts.__dataclass_fields__
    kept = IdentityFacts(**{k: v for k, v in version.facts.items() if k in known})
    row = held_row()
    before = facts_of(row)
    version_now = IdentityVersion(by=by, facts=asdict(before))
    wanted = cleaned(kept, kept.font_family)
    if wanted == before:
        return None
    db.session.add(version_now)
    _fill(row, wanted)
    db.session.flush()
    return version_now


def versions() -> Sequence[IdentityVersion]:
    """What was before the last changes, newest first."""
    statement = sa.select(IdentityVersion).order_by(IdentityVersion.id.desc())
    return db.session.scalars(statement.limit(KEPT_VERSIONS)).all()


def house_tone() -> str:
    """How the house writes, in its own words; "" when nobody said."""
    return db.session.scalar(sa.select(Dealership.tone).where(Dealership.id == 1)) or ""


def sample_identity(facts: IdentityFacts, now: Identity) -> Identity:
    """The group as it would be with these facts (as `cleaned` gave them), for a sample."""
    return replace(
        now,
        name=facts.name,
        legal_name=facts.legal_name,
        cnpj=facts.cnpj,
        tagline=facts.tagline,
        brand_color=facts.brand_color,
        font_family=facts.font_family,
        logo_url=f"/media/{logo_key(facts.logo)}" if facts.logo else "",
    )


def set_logo(row: Dealership, photo: Mapping[str, Any]) -> None:
    """Show this picture (as content.media keeps it; empty: none) as the logo."""
    row.logo = dict(photo)
    row.logo_key = logo_key(photo)


def logo_key(photo: Mapping[str, Any]) -> str:
    """The file of the picture that is large enough for the head of a page; "" for none."""
    if not photo:
        return ""
    widths: Sequence[int] = photo["widths"]
    width = next((one for one in widths if one >= LOGO_WIDTH_PX), widths[-1])
    kind = "webp" if "webp" in photo["formats"] else photo["formats"][0]
    return f"{photo['stem']}-{width}.{kind}"


def held_row() -> Dealership:
    """The group's row, made when missing and held until the end of `writing()`."""
    row = db.session.get(Dealership, 1, with_for_update=True, populate_existing=True)
    if row is None:
        row = dealership_row()
        row.id = 1
        db.session.add(row)
        db.session.flush()
    return row


def _fill(row: Dealership, facts: IdentityFacts) -> None:
    for name in IdentityFacts.__dataclass_fields__.keys() - {"finance_fees", "logo"}:
        setattr(row, name, getattr(facts, name))
    row.finance_monthly_percent = Decimal(facts.finance_monthly_percent)
    row.finance_fees_cents = parse_brl(facts.finance_fees)
    if dict(facts.logo) != dict(row.logo or {}):
        set_logo(row, facts.logo)


def _forget_old_versions() -> None:
    statement = sa.select(IdentityVersion.id).order_by(IdentityVersion.id.desc())
    bound = db.session.scalar(statement.offset(KEPT_VERSIONS).limit(1))
    if bound is not None:
        db.session.execute(sa.delete(IdentityVersion).where(IdentityVersion.id <= bound))
