"""What the forms of the content screens share: moments as Brazilians type them, a refusal beside
its field, and the mark by which the second save of one thing is noticed."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import abort, request
from flask_babel import gettext as _
from wtforms import Field, Form, HiddenField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.widgets import DateTimeLocalInput

from admin.door import found, staff
from admin.stock_scope import own_stores, store_name
from content.media import MediaRefused, picked, shown
from content.refusals import ContentRefused
from core.clock import DEFAULT_ZONE
from core.text import row_number

SHAPES = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y")


class MomentField(Field):
    """A day and an hour of the group's zone; its data is an aware instant in UTC or None."""

    widget = DateTimeLocalInput()

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return self.data.astimezone(DEFAULT_ZONE).strftime(SHAPES[0]) if self.data else ""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what the browser's picker or a person writes. Raises ValueError with a sentence."""
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text:
            return
        for shape in SHAPES:
            try:
                typed = datetime.strptime(text, shape)  # noqa: DTZ007 - the zone follows
            except ValueError:
                continue
            self.data = typed.replace(tzinfo=DEFAULT_ZONE).astimezone(UTC)
            return
        raise ValueError(_("Type day and hour, such as 31/12/2026 18:00."))


class ContentForm(Form):
    """A form of these screens. `marca` carries what the page was drawn from."""

    marca = HiddenField()
    photo_problem = ""

    def refuse(self, error: ContentRefused) -> None:
        """Say a refusal beside its field, or above the form."""
        if error.field == "foto":
            self.photo_problem = str(error)
        elif error.field in self._fields:
            self[error.field].errors = [*self[error.field].errors, str(error)]
        else:
            self.form_errors = [*self.form_errors, str(error)]


def mark_of(values: Mapping[str, Any]) -> str:
    """A short mark of what a row holds: another one says that somebody changed it meanwhile."""
    text = json.dumps(values, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def refuse_stale(form: ContentForm, current: Mapping[str, Any]) -> None:
    """Refuse the second save of what somebody else changed meanwhile; saving again, with the new
    mark, overrides. Raises ContentRefused."""
    if form.marca.data and form.marca.data != mark_of(current):
        raise ContentRefused(
            _("A colleague changed this while you were editing. Compare with the saved version in "
              "another tab, then save again to keep yours."),
            "marca",
        )  # fmt: skip


def refused(form: ContentForm, refusal: ContentRefused, mark: str) -> int:
    """Say `refusal` on the form, before it is drawn; the status of its answer: 422, or 409 when a
    colleague was quicker. Then the form carries `mark`, that of what stands now."""
    form.refuse(refusal)
    if refusal.field != "marca":
        return 422
    form.marca.data = mark
    return 409


def picture_facts(photo: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a form's picture field is drawn from: the kept one, how it looks, and which one of the
    library is chosen."""
    return {
        "photo": photo,
        "picture": shown(photo) if photo else None,
        "picked": request.form.get("foto") or (photo or {}).get("media_id"),
    }


def chosen_photo(name: str, kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the picker `name` chose, as rows keep it; a kept picture that is not of the library
    stays unless another one is chosen. Raises ContentRefused."""
    try:
        item = picked(request.form.get(name))
    except MediaRefused as error:
        raise ContentRefused(str(error), name) from None
    if item is not None:
        return item.as_photo()
    is_outside = bool(kept) and not (kept or {}).get("media_id")
    return dict(kept or {}) if is_outside else None


def store_choices(chosen: str | None = None) -> list[SelectChoice]:
    """The open stores of who is signed in, and the `chosen` one though closed; "the group" for who
    has all of them."""
    stores = own_stores(row_number(chosen or "") or 0)
    rows = [SelectChoice(str(store.id), store_name(store)) for store in stores]
    return [SelectChoice("", _("The whole group")), *rows] if staff().store_ids is None else rows


def chosen_store(value: str | None, kept: int | None = None) -> int | None:
    """The id of the chosen store; 404 for one that is not this person's, or that is closed and was
    not `kept` from before."""
    if not value:
        if staff().store_ids is not None:
            abort(404)
        return None
    return found(next((one for one in own_stores(kept) if str(one.id) == value), None)).id


def own_store() -> str:
    """The store that a new thing of this person belongs to, as a form says it."""
    ids = staff().store_ids
    return str(ids[0]) if ids else ""


def of_their_store(row: Any, store_id: int | None) -> Any:
    """`row`, or 404 when it belongs to another store, or to the group and this person to one."""
    return found(row if store_id is not None or staff().store_ids is None else None, store_id)
