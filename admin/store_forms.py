"""What is typed about a store: its data, its week, its special days, its departments."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Form, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from core.text import clean_line, format_phone
from dealership.editing import (
    DEPARTMENTS,
    MOST_INTERVALS,
    DepartmentFacts,
    SettingRefused,
    SpecialDayFacts,
    StoreFacts,
)
from dealership.hours import WEEKDAYS
from dealership.places import STATES, ZONES

COPY_TO: Final[Mapping[str, tuple[int, ...]]] = {"uteis": (0, 1, 2, 3, 4), "todos": tuple(range(7))}
MOST_SENT_DAYS: Final = 300
NUMBERS: Final = ("phone", "whatsapp", "email")
_TIME: Final = re.compile(r"([01]?[0-9]|2[0-4])(?:[:hH]([0-5][0-9])?)?(?::[0-5][0-9])?\Z")
_DAY: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})\Z")

TypedWeek = dict[int, list[tuple[str, str]]]


class StoreForm(Form):
    """A store's data. The names are those of StoreFacts."""

    name = StringField(_l("Name of the store"), render_kw={"maxlength": 80})
    about = TextAreaField(
        _l("About this store"),
        description=_l("Two or three sentences: what is here, parking, how to get in."),
        render_kw={"rows": 4, "maxlength": 2000},
    )
    phone = StringField(
        _l("Telephone"),
        description=_l("With area code, like (19) 3232-1010."),
        render_kw={"type": "tel", "inputmode": "tel"},
    )
    whatsapp = StringField(
        _l("WhatsApp"),
        description=_l("The number that answers. Buyers reach it with one touch."),
        render_kw={"type": "tel", "inputmode": "tel"},
    )
    email = StringField(_l("E-mail"), render_kw={"type": "email", "inputmode": "email"})
    postal_code = StringField(_l("CEP"), render_kw={"inputmode": "numeric", "maxlength": 10})
    street = StringField(_l("Street and number"), render_kw={"maxlength": 160})
    district = StringField(_l("District"), render_kw={"maxlength": 80})
    city = StringField(_l("City"), render_kw={"maxlength": 80})
    state_code = SelectField(
        _l("State"), choices=[SelectChoice("", "—"), *(SelectChoice(uf, uf) for uf in STATES)]
    )
    place = StringField(
        _l("Point on the map"),
        description=_l(
            "Open the store in your map, copy the address of the page and paste it here."
        ),
        render_kw={"maxlength": 2000},
    )
    zone = SelectField(
        _l("Clock"), choices=[SelectChoice(zone, name) for zone, name in ZONES.items()]
    )
    reserved_stays_listed = BooleanField(_l("Reserved cars stay on the site, marked as reserved"))
    requires_photo = BooleanField(_l("A car needs a photo before it goes on the site"))
    requires_provenance = BooleanField(
        _l("A car needs its provenance (Lei 13.111/2015) before it goes on the site")
    )
    provenance_valid_days = StringField(
        _l("Provenance is good for how many days"), render_kw={"inputmode": "numeric"}
    )

    def facts(self) -> StoreFacts:
        """What was typed. Numbers that are none come as 0, which the rules refuse."""
        values: dict[str, Any] = {name: field.data or "" for name, field in self._fields.items()}
        for name in ("reserved_stays_listed", "requires_photo", "requires_provenance"):
            values[name] = bool(self._fields[name].data)
        days = str(values["provenance_valid_days"]).strip()
        values["provenance_valid_days"] = (
            int(days) if days.isascii() and days.isdigit() and len(days) <= 4 else 0
        )
        return StoreFacts(**values)

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Put the sentences of a refusal beside their fields."""
        for name, words in problems.items():
            self._fields[name].errors = [words]


def form_of(facts: StoreFacts) -> StoreForm:
    """The form filled with what is kept, numbers as people read them."""
    values = {name: getattr(facts, name) for name in StoreFacts.__dataclass_fields__}
    for name in ("phone", "whatsapp"):
        values[name] = format_phone(values[name])
    if len(facts.postal_code) == 8:
        values["postal_code"] = f"{facts.postal_code[:5]}-{facts.postal_code[5:]}"
    return StoreForm(data=values)


def differing(form: StoreForm, now: StoreFacts) -> list[tuple[str, str]]:
    """(field, what is there now) where what was typed is not what is there."""
    there = form_of(now)
    return [
        (str(field.label.text), str(there[name].data or _("empty")))
        for name, field in form._fields.items()
        if str(field.data or "").strip() != str(there[name].data or "").strip()
    ]


# --- hours -----------------------------------------------------------------------------------


def read_time(text: str) -> time | None:
    """'8', '8h30', '08:30'; 24:00 is midnight. None for what is no time of day."""
    match = _TIME.match(text.strip())
    if not match:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    if hour == 24:
        return time() if minute == 0 else None
    return time(hour, minute)


def typed_week(sent: MultiDict[str, str]) -> TypedWeek:
    """Pairs of times by weekday as they were typed, without the empty ones."""
    week: TypedWeek = {}
    for day in WEEKDAYS:
        opens, closes = sent.getlist(f"abre-{day}"), sent.getlist(f"fecha-{day}")
        pairs = [(o.strip()[:8], c.strip()[:8]) for o, c in zip(opens, closes, strict=False)]
        week[day] = [pair for pair in pairs if any(pair)][: MOST_INTERVALS + 1]
    return week


def shown_week(week: Mapping[int, Sequence[tuple[time, time]]]) -> TypedWeek:
    """Kept hours as the form shows them."""
    return {
        day: [(f"{opens:%H:%M}", f"{closes:%H:%M}") for opens, closes in hours]
        for day, hours in week.items()
    }


def copied(week: TypedWeek, asked: str) -> TypedWeek:
    """`week` with one day's hours on other days too; `asked` is "0-uteis" or "0-todos"."""
    number, _dash, to = asked.partition("-")
    if number not in {str(day) for day in WEEKDAYS} or to not in COPY_TO:
        return week
    return {**week, **{day: list(week[int(number)]) for day in COPY_TO[to]}}


def read_week(typed: TypedWeek) -> dict[int, list[tuple[time, time]]]:
    """`typed` as times. Raises SettingRefused with a sentence per weekday."""
    problems: dict[str, str] = {}
    week: dict[int, list[tuple[time, time]]] = {}
    for day, pairs in typed.items():
        try:
            week[day] = [_hours(pair) for pair in pairs]
        except ValueError as error:
            problems[str(day)] = str(error)
    if problems:
        raise SettingRefused(problems)
    return week


def _hours(pair: tuple[str, str]) -> tuple[time, time]:
    opens, closes = read_time(pair[0]), read_time(pair[1])
    if opens is None or closes is None:
        raise ValueError(_("Type both times, like 08:00 and 18:00, or leave both empty."))
    return opens, closes


# --- special days ----------------------------------------------------------------------------


def read_day(text: str) -> date | None:
    """'25/12/2026' or '2026-12-25'. None for what is no date."""
    typed = text.strip()
    match = _DAY.match(typed)
    if match:
        typed = f"{match[3]}-{match[2]:0>2}-{match[1]:0>2}"
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


TypedDay = dict[str, str]


def typed_days(sent: MultiDict[str, str]) -> list[TypedDay]:
    """The rows of special days as they were typed, without empty ones and those to be removed."""
    columns = {
        name: sent.getlist(name)[:MOST_SENT_DAYS] for name in ("dia", "nome", "abre", "fecha")
    }
    gone = set(sent.getlist("tirar"))
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=False)
    ]
    return [
        row for number, row in enumerate(rows)
        if str(number) not in gone and any(value.strip() for value in row.values())
    ]  # fmt: skip


def shown_days(days: Sequence[SpecialDayFacts]) -> list[TypedDay]:
    """Kept special days as the form shows them, a row per stretch of hours."""
    return [
        {
            "dia": one.day.isoformat(),
            "nome": one.name,
            "abre": f"{hours[0]:%H:%M}" if hours else "",
            "fecha": f"{hours[1]:%H:%M}" if hours else "",
        }
        for one in days
        for hours in (one.hours or (None,))
    ]


def read_days(rows: Sequence[TypedDay]) -> list[SpecialDayFacts]:
    """Typed rows as special days; rows of one date with hours are one day. Raises SettingRefused
    with a sentence per row's number."""
    problems: dict[str, str] = {}
    found: dict[date, SpecialDayFacts] = {}
    for number, row in enumerate(rows):
        day = read_day(row["dia"])
        if day is None:
            problems[str(number)] = _("Type a date, like 25/12/2026.")
            continue
        try:
            hours = (_hours((row["abre"], row["fecha"])),) if row["abre"] or row["fecha"] else ()
        except ValueError as error:
            problems[str(number)] = str(error)
            continue
        known = found.get(day)
        if known is not None and not (known.hours and hours):
            problems[str(number)] = _("This date is there twice.")
            continue
        name = clean_line(row["nome"], 80) or (known.name if known else "")
        found[day] = SpecialDayFacts(day, name, (known.hours if known else ()) + hours)
    if problems:
        raise SettingRefused(problems)
    return sorted(found.values())


# --- departments -----------------------------------------------------------------------------


def typed_departments(sent: MultiDict[str, str]) -> list[DepartmentFacts]:
    """The departments that are ticked, with what was typed."""
    ticked = set(sent.getlist("tem"))
    return [
        DepartmentFacts(
            kind,
            *(
                sent.get(f"{kind}-{name}", "").strip()[:160]
                for name in ("phone", "whatsapp", "email")
            ),
        )
        for kind in DEPARTMENTS
        if kind in ticked
    ]
