"""What goes in and out of the API: the classes its description is written from.

Prices are integer cents, mileage is km, instants are RFC 3339 in UTC. New fields may come at any
time; none leaves within /api/v1/.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

MOST_PER_PAGE: Final = 100
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_INSTANT: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]"
    r":([0-5][0-9]|60)(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)


def _number(value: Any) -> Any:
    """A number in an address: plain digits and nothing that only resembles them."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("digits only")
    return value


Cursor = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,9}$"),
    Field(description="`next_cursor` of the page before."),
]
Since = Annotated[
    str,
    StringConstraints(pattern=_INSTANT),
    Field(json_schema_extra={"format": "date-time"}),
]
# In this order: the other way round the bounds would be missing in the description.
Limit = Annotated[int, Field(ge=1, le=MOST_PER_PAGE), BeforeValidator(_number)]
# Ranges, not classes: what a blank is differs from one language's expressions to another's.
_NOT_BLANK: Final = r"[^\u0000-\u0020]"
_LEGIBLE: Final = r"[!-~\u00c0-\u02af]"
Slug = Annotated[str, StringConstraints(max_length=80)]


def instant(text: str) -> datetime:
    """The instant of a `Since`; one outside of all that can have happened becomes the nearest that
    can. Raises ValueError for a day that no month has."""
    plain = text.upper().replace(":60", ":59", 1) if text[17:19] == "60" else text.upper()
    try:
        found = datetime.fromisoformat(plain).astimezone(UTC)
    except OverflowError:
        return _FIRST if text.startswith("0") else _LAST
    return min(max(found, _FIRST), _LAST)


class Sent(BaseModel):
    """What comes in: names that nobody knows are refused, so that a typing mistake is noticed."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """What goes out."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


# --- vehicles --------------------------------------------------------------------------------


class StoreRef(Told):
    """A store of the group."""

    slug: str
    name: str
    city: str
    state_code: str


class Photo(Told):
    """A picture, in the largest size there is."""

    url: str
    width_px: int
    height_px: int
    alt: str


class Vehicle(Told):
    """One car. `id` is the one in its address on the site."""

    id: str
    url: str = Field(description="Its page on the site; answers 404 or 410 when there is none.")
    state: str = Field(description="draft, published, reserved, sold, archived")
    availability: str = Field(description="What the public sees: available, reserved, sold …")
    title: str
    make: str
    model: str
    trim: str
    condition: str = Field(description="new, used")
    built_year: int | None
    model_year: int
    price_cents: int | None = Field(description="What it costs now, a running promotion included.")
    previous_price_cents: int | None = Field(description="While a promotion runs.")
    promo_until: date | None
    mileage_km: int | None
    fuel: str | None
    transmission: str | None
    body: str | None
    color: str | None
    doors: int | None
    engine: str
    power_hp: int | None = Field(description="Metric horsepower (cv).")
    plate_final_digit: str | None
    fipe_code: str | None
    fipe_price_cents: int | None = Field(description="Left out when older than two months.")
    fipe_month: date | None
    features: list[str]
    history: dict[str, bool]
    description: str
    video_url: str
    source: str = Field(description="Which import it comes from.")
    source_id: str = Field(description="Its key there.")
    store: StoreRef
    photos: list[Photo]
    published_at: datetime | None
    updated_at: datetime


class VehiclePage(Told):
    """Some cars, and where to go on."""

    items: list[Vehicle]
    next_cursor: str | None = Field(description="null: this was the last page.")


class VehicleQuery(Sent):
    """Which cars."""

    state: Annotated[str, StringConstraints(max_length=10)] | None = Field(
        None, description="draft, published, reserved, sold, archived; default: all but archived"
    )
    store: Slug | None = Field(None, description="Slug of a store.")
    make: Slug | None = Field(None, description="Slug of a make: chevrolet.")
    since: Since | None = Field(None, description="Changed at or after this instant.")
    cursor: Cursor | None = None
    limit: Limit = 50


# --- leads -----------------------------------------------------------------------------------


class LeadBrief(Told):
    """One lead without anything that tells whose it is: safe to list and to count."""

    id: int
    url: str = Field(description="Its page for staff.")
    state: str = Field(description="The stage: waiting, assigned, talking, scheduled, won, lost …")
    turn: str = Field(description="Who must act next: ours, customer, seller, supervisor, date.")
    department: str
    owner: str | None = Field(description="E-mail of the member of staff who has it.")
    source: str
    source_ref: str
    vehicle: str | None = Field(description="Id of the car.")
    store: str | None = Field(description="Slug of the store.")
    due_at: datetime | None = Field(description="When the next action is due.")
    is_test: bool
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None


class LeadPage(Told):
    """Some leads, and where to go on."""

    items: list[LeadBrief]
    next_cursor: str | None = Field(description="null: this was the last page.")


class LeadQuery(Sent):
    """Which leads. Those that look like a machine's are left out."""

    since: Since | None = Field(None, description="Changed at or after this instant.")
    state: Annotated[str, StringConstraints(max_length=20)] | None = Field(
        None, description="A stage."
    )
    owner: Annotated[str, StringConstraints(max_length=254)] | None = Field(
        None, description="E-mail of who has it; `none` for those in the queue."
    )
    store: Slug | None = Field(None, description="Slug of a store.")
    submission: Annotated[str, StringConstraints(max_length=32)] | None = Field(
        None, description="What POST /leads answered with."
    )
    cursor: Cursor | None = None
    limit: Limit = 50


class PersonTold(Told):
    """Who asks. Empty once they were erased."""

    id: int
    name: str
    phone: str = Field(description="E.164")
    email: str


class EnquiryTold(Told):
    """One thing that was asked."""

    id: int
    submission_id: str
    kind: str
    source: str
    external_id: str
    vehicle: str | None
    message: str
    at: datetime


class EventTold(Told):
    """One line of the history."""

    id: int
    at: datetime
    kind: str
    actor: str
    data: dict[str, Any]


class ConsentTold(Told):
    """What the person said to a purpose last."""

    purpose: str
    is_given: bool
    channel: str
    text_version: int
    at: datetime


class Lead(LeadBrief):
    """One lead with everything about it. Reading it is noted in the audit log."""

    message: str
    person: PersonTold
    enquiries: list[EnquiryTold]
    events: list[EventTold]
    consents: list[ConsentTold]


class NewLead(Sent):
    """Somebody who asked in another system. At least one of name, phone, e-mail and message."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": [name]} for name in ("name", "phone", "email", "message")]
        }
    )

    name: Annotated[str, StringConstraints(max_length=120, pattern=_NOT_BLANK)] = ""
    phone: Annotated[str, StringConstraints(max_length=40, pattern=_NOT_BLANK)] = Field(
        "", description="As typed; Brazilian unless it begins with +."
    )
    email: Annotated[str, StringConstraints(max_length=254, pattern=_NOT_BLANK)] = ""
    message: Annotated[str, StringConstraints(max_length=4000, pattern=_NOT_BLANK)] = ""
    vehicle: Annotated[str, StringConstraints(max_length=12)] = Field(
        "", description="Id of a car; one that is not there is left out."
    )
    store: Slug = Field("", description="Slug; default, also for one that no store has: the car's.")
    department: Annotated[str, StringConstraints(pattern="^(sales|service|parts|fleet)$")] = "sales"
    origin: Annotated[str, StringConstraints(max_length=120)] = Field(
        "", description="Where it comes from, in your words."
    )
    external_id: Annotated[str, StringConstraints(max_length=120)] = Field(
        "", description="Your own id: the same person and id again add nothing."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.name or self.phone or self.email or self.message):
            raise ValueError("one of name, phone, email, message")
        return self


class LeadReceipt(Told):
    """The lead is safe on disk. It is read in a moment: find it by GET /leads?submission=…"""

    submission_id: str
    is_repeat: bool


class NewNote(Sent):
    """A note for whoever works the lead."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=_LEGIBLE)]
