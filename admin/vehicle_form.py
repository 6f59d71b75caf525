"""One car as a form: what is typed, read as Brazilians type it, and only the fields that the role
of who is signed in reaches. Rules about cars live in inventory; this only reads and shows."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import (
    Form,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.form import BaseForm

from core.errors import DomainError
from core.money import format_brl, parse_brl
from core.text import clean_line, clean_text, group_thousands, parse_km
from dealership.models import Store
from dealership.roles import Permission
from inventory import vocabulary
from inventory.fipe_source import parse_month, written_month
from inventory.identifiers import (
    normalise_fipe_code,
    normalise_plate,
    normalise_renavam,
    normalise_vin,
)
from inventory.models import Vehicle
from inventory.provenance import ANSWERS, ITEMS, Answer, ProvenanceFact
from inventory.videos import normalise_video

LONGEST_TEXT: Final = 5_000
LONGEST_LINE: Final = 160
MOST_FEATURES: Final = 200
HISTORY_CODES: Final = vocabulary.codes("history")
PRICE_FIELDS: Final = ("price", "promo_price", "promo_until")
DOCUMENT_FIELDS: Final = ("license_plate", "renavam", "vin")
# Fields of the form -> names of inventory.editing.VehicleFacts, where they differ.
FACT_NAMES: Final[Mapping[str, str]] = {
    "price": "price_cents",
    "promo_price": "promo_price_cents",
    "cost": "cost_cents",
    "mileage": "mileage_km",
    "fipe_price": "fipe_price_cents",
}
FIELD_OF: Final[Mapping[str, str]] = {fact: field for field, fact in FACT_NAMES.items()}
_PLAIN: Final = (
    "store", "condition", "make", "model_name", "trim", "built_year", "model_year", "price",
    "promo_price", "promo_until", "cost", "mileage", "fuel", "transmission", "body", "color",
    "doors", "engine", "power_hp", "license_plate", "renavam", "vin", "fipe_code", "fipe_price",
    "fipe_month", "description", "legal_text", "video_url", "highlight_rank",
)  # fmt: skip


class TypedField(StringField):
    """Text that means a value: `read` turns what was typed into it (raising a DomainError with
    the sentence for beside the field), `write` shows it. Empty is None."""

    def __init__(
        self,
        label: Any,
        *,
        read: Callable[[str], Any],
        write: Callable[[Any], str] = str,
        **more: Any,
    ) -> None:
        super().__init__(label, **more)
        self.read, self.write = read, write
        self.typed: str | None = None

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist:
            return
        self.typed = clean_line(valuelist[0], 200)
        self.data = None
        if not self.typed:
            return
        try:
            self.data = self.read(self.typed)
        except DomainError as error:
            raise ValueError(str(error)) from None

    def _value(self) -> str:
        if self.typed is not None:
            return self.typed
        return "" if self.data is None else self.write(self.data)


class NotWhole(DomainError, ValueError):
    """Text that is no whole number."""


class NotDay(DomainError, ValueError):
    """Text that is no day."""


def _day(text: str) -> date:
    """A day as a browser sends it or as a Brazilian types it."""
    for shape in ("%Y-%m-%d", "%d/%m/%Y", "%d/%m/%y"):
        try:
            return datetime.strptime(text, shape).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise NotDay(_("Write the day like 31/12/2026."))


def _date(label: Any) -> TypedField:
    return TypedField(label, read=_day, write=date.isoformat, render_kw={"type": "date"})


def read_whole(text: str) -> int:
    """A whole number as people type it. Raises NotWhole."""
    digits = text.replace(".", "").replace(" ", "")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise NotWhole(_("Use digits only."))
    return int(digits)


def _money(label: Any, **more: Any) -> TypedField:
    keys = {"inputmode": "decimal", "autocomplete": "off", "placeholder": "R$"}
    return TypedField(label, read=parse_brl, write=format_brl, render_kw=keys, **more)


def _number(label: Any, **more: Any) -> TypedField:
    keys = {"inputmode": "numeric", "autocomplete": "off"}
    return TypedField(label, read=read_whole, render_kw=keys, **more)


def _document(label: Any, read: Callable[[str], str], **keys: Any) -> TypedField:
    shown = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", **keys}
    return TypedField(label, read=read, render_kw=shown)


def _line(label: Any, **keys: Any) -> TypedField:
    shown = {"autocomplete": "off", **keys}
    return TypedField(label, read=lambda text: text, render_kw=shown)


def _coded(label: Any, kind: str) -> SelectField:
    """A choice of the vocabulary; empty is "not known"."""
    return SelectField(
        label,
        choices=[SelectChoice("", _l("Not informed")), *_choices(kind)],
        validate_choice=False,
    )


def _choices(kind: str) -> list[SelectChoice]:
    return [SelectChoice(code, vocabulary.label(kind, code)) for code in vocabulary.codes(kind)]


class FeaturesField(SelectMultipleField):
    """Options of the vocabulary, and the source's own words where no code fits."""

    def pre_validate(self, form: BaseForm) -> None:  # noqa: ARG002 - the library calls it
        """Anything short enough is an option: words of the store's own are welcome."""
        self.data = [clean_line(one, 80) for one in self.data or []][:MOST_FEATURES]


class VehicleForm(Form):
    """Everything that can be said of a car. `may` decides which fields there are at all."""

    store = SelectField(_l("Store"), coerce=int)
    condition = SelectField(
        _l("Condition"), choices=_choices("condition"), default="used", validate_choice=False
    )
    make = _line(_l("Make"), list="makes")
    model_name = _line(_l("Model"), list="models")
    trim = _line(_l("Version"))
    built_year = _number(_l("Year built"))
    model_year = _number(_l("Model year"))
    price = _money(_l("Cash price"))
    promo_price = _money(_l("Promotional price"))
    promo_until = _date(_l("Last day of the promotion"))
    cost = _money(_l("Cost (only inside)"))
    mileage = TypedField(
        _l("Mileage"),
        read=parse_km,
        write=group_thousands,
        render_kw={"inputmode": "numeric", "autocomplete": "off", "placeholder": "km"},
    )
    fuel = _coded(_l("Fuel"), "fuel")
    transmission = _coded(_l("Transmission"), "transmission")
    body = _coded(_l("Body type"), "body")
    color = _coded(_l("Colour"), "color")
    doors = _number(_l("Doors"))
    engine = _line(_l("Engine"), placeholder="1.0 Turbo")
    power_hp = _number(_l("Power (hp)"))
    license_plate = _document(_l("Plate"), normalise_plate, placeholder="ABC1D23")
    renavam = _document(_l("RENAVAM"), normalise_renavam, inputmode="numeric")
    vin = _document(_l("Chassis"), normalise_vin)
    fipe_code = _document(
        _l("FIPE code"), normalise_fipe_code, inputmode="numeric", placeholder="000000-0"
    )
    fipe_price = _money(_l("FIPE price"))
    fipe_month = TypedField(
        _l("FIPE month"),
        read=parse_month,
        write=written_month,
        render_kw={"placeholder": "11/2026", "autocomplete": "off"},
    )
    features = FeaturesField(_l("Options"), choices=_choices("feature"), validate_choice=False)
    features_seen = HiddenField()
    more_features = _line(_l("Other options, separated by commas"))
    description = TextAreaField(_l("Description"), render_kw={"rows": 7, "maxlength": LONGEST_TEXT})
    legal_text = TextAreaField(
        _l("Legal text"),
        description=_l("Conditions of credit and of the promotion; shown below the price."),
        render_kw={"rows": 4, "maxlength": LONGEST_TEXT},
    )
    video_url = TypedField(
        _l("Video"),
        read=normalise_video,
        render_kw={"type": "url", "inputmode": "url", "placeholder": "https://…"},
    )
    highlight_rank = _number(
        _l("Place among the highlights"), description=_l("1 comes first; empty: not highlighted.")
    )

    def __init__(
        self,
        formdata: MultiDict[str, str] | None,
        *,
        stores: Mapping[int, str],
        may: Callable[[Permission], bool],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(formdata, data=facts)
        self.store.choices = [SelectChoice(*one) for one in stores.items()]
        self._drop_closed(may)

    def _drop_closed(self, may: Callable[[Permission], bool]) -> None:
        """A field that the role does not reach is neither drawn nor read."""
        closed: list[str] = []
        closed += [] if may(Permission.PRICE_STOCK) else PRICE_FIELDS
        closed += [] if may(Permission.SEE_COSTS) else ["cost"]
        closed += [] if may(Permission.SEE_DOCUMENTS) else DOCUMENT_FIELDS
        for name in closed:
            delattr(self, name)

    def facts(self) -> dict[str, Any]:
        """What the form says, by names of VehicleFacts: only fields that it has."""
        values = {FACT_NAMES.get(n, n): self[n].data for n in _PLAIN if n in self}
        for name in ("description", "legal_text"):
            values[name] = clean_text(values[name] or "", LONGEST_TEXT)
        for name in ("make", "model_name", "trim", "engine", "video_url"):
            values[name] = values[name] or ""
        for name in ("fuel", "transmission", "body", "color"):
            values[name] = values[name] or None
        values["features"] = self._feature_codes()
        values["history"] = self._history()
        return values

    def fact_names(self) -> list[str]:
        """Names of VehicleFacts that this form speaks of."""
        return [*(FACT_NAMES.get(n, n) for n in _PLAIN if n in self), "features", "history"]

    def is_wrong(self, fact: str) -> bool:
        """Whether what was typed for `fact` cannot be read."""
        field = FIELD_OF.get(fact, fact)
        return field in self and bool(self[field].errors)

    def _feature_codes(self) -> list[str]:
        typed = str(self.more_features.data or "").split(",")
        more = (vocabulary.read_code("feature", one) or clean_line(one, 80) for one in typed)
        chosen = dict.fromkeys(one for one in [*(self.features.data or []), *more] if one)
        seen = (self.features_seen.data or "").split("|")
        if set(seen) == set(chosen):
            return seen  # the same options in another order are no change
        order = {code: place for place, code in enumerate(vocabulary.codes("feature"))}
        return sorted(chosen, key=lambda code: order.get(code, len(order)))

    def _history(self) -> dict[str, bool]:
        answers = {code: self[f"history_{code}"].data for code in HISTORY_CODES}
        return {code: answer == "1" for code, answer in answers.items() if answer in {"0", "1"}}

    def answers(self) -> dict[str, Answer]:
        """The provenance that the form states, by item."""
        return {
            item: Answer(
                answer=self[f"{item}_answer"].data or "",
                source=clean_line(self[f"{item}_source"].data or "", 120),
                checked_on=self[f"{item}_checked_on"].data,
                note=clean_line(self[f"{item}_note"].data or "", 300),
            )
            for item in ITEMS
        }

    def blame(self, problems: Mapping[str, str]) -> None:
        """Put sentences of the nouns (by fact or by "item.field") beside the fields."""
        for name, words in problems.items():
            field = FIELD_OF.get(name, name.replace(".", "_"))
            place = self[field if field in self else "make"]
            place.errors = [*place.errors, words]


def _add_fields() -> None:
    """One field per question of the vocabulary and of the law."""
    yes_no = [
        SelectChoice("", _l("Not informed")),
        SelectChoice("1", _l("Yes")),
        SelectChoice("0", _l("No")),
    ]
    for code in HISTORY_CODES:
        label = vocabulary.label("history", code)
        setattr(VehicleForm, f"history_{code}", SelectField(label, choices=yes_no, default=""))
    choices = [
        SelectChoice("", _l("Not informed")),
        *(SelectChoice(*one) for one in ANSWERS.items()),
    ]
    for item, label in ITEMS.items():
        fields = {
            "answer": RadioField(label, choices=choices, default="", validate_choice=False),
            "source": StringField(_l("Looked up at"), render_kw={"maxlength": 120}),
            "checked_on": _date(_l("Looked up on")),
            "note": StringField(_l("Note"), render_kw={"maxlength": 300}),
        }
        for name, field in fields.items():
            setattr(VehicleForm, f"{item}_{name}", field)


_add_fields()


def facts_of(vehicle: Vehicle) -> dict[str, Any]:
    """What a car says to its form, by names of fields; its order of options is the vocabulary's."""
    values = {name: getattr(vehicle, FACT_NAMES.get(name, name), None) for name in _PLAIN}
    values |= {
        "store": vehicle.store_id,
        "make": vehicle.car_model.make.name,
        "model_name": vehicle.car_model.name,
        "trim": vehicle.trim.name if vehicle.trim else "",
        "features": list(vehicle.features),
        "features_seen": "|".join(vehicle.features),
    }
    return values | {
        f"history_{code}": "1" if value else "0" for code, value in vehicle.history.items()
    }


def provenance_values(known: Mapping[str, ProvenanceFact]) -> dict[str, Any]:
    """What is on record, by names of fields."""
    return {
        f"{item}_{name}": getattr(row, name)
        for item, row in known.items()
        for name in ("answer", "source", "checked_on", "note")
    }


def feature_groups(chosen: list[str]) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Options under their headings as (code, words, is it chosen); own words under the last."""
    codes = [*vocabulary.codes("feature"), *(c for c in chosen if c not in _KNOWN_FEATURES)]
    groups: dict[str, list[tuple[str, str, bool]]] = {}
    for code in codes:
        one = (code, str(vocabulary.label("feature", code)), code in chosen)
        groups.setdefault(vocabulary.feature_group(code), []).append(one)
    return [
        (str(vocabulary.label("feature_group", group)), groups[group])
        for group in vocabulary.codes("feature_group")
        if group in groups
    ]


_KNOWN_FEATURES: Final = frozenset(vocabulary.codes("feature"))


def own_stores(stores: list[Store]) -> dict[int, str]:
    """Stores as a choice."""
    return {store.id: store.name for store in stores}
