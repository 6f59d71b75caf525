"""Checked rows into the stock, a batch at a time: compare, then write only what differs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload, selectinload

from core.db import db
from core.text import clean_line, clean_text, fold
from dealership.models import Store
from inventory.bulk_rules import standing
from inventory.catalogue import Catalogue
from inventory.editing import (
    VehicleFacts,
    has_photo_addresses,
    problems_of,
    register_vehicles,
    revise_vehicles,
)
from inventory.importing.checking import Stores, wanted_state
from inventory.importing.records import LONGEST_FIELD
from inventory.importing.report import Problem, RejectedRow, Report
from inventory.importing.rows import RowReader, StockRow, escaped, features_as_read
from inventory.models import Photo, StockVersion, Vehicle
from inventory.provenance import outdated, provenance_of

BATCH_ROWS: Final = 500
# Told, inside the transaction that changed them: created, updated or withdrawn, and the cars with
# what each was before by the changed facts (empty for a new one).
Note = Callable[[str, Sequence[tuple[Vehicle, Mapping[str, Any]]]], object]
_NAMES: Final = ("make", "model_name", "trim")
_JOINED: Final = frozenset({*_NAMES, "features", "description", "photo_addresses", "state"})


class Applier:
    """Brings batches of rows into the stock and counts what happened in `report`.

    With `is_dry_run` it only compares. Otherwise `apply` and `withdraw` belong inside
    `core.db.writing()`.
    """

    def __init__(
        self,
        report: Report,
        stores: Stores,
        reader: RowReader,
        *,
        by: str,
        is_dry_run: bool,
        note: Note | None = None,
    ) -> None:
        self._report = report
        self._stores = stores
        self._reader = reader
        self._by = by
        self._is_dry_run = is_dry_run
        self._note = note or (lambda _what, _cars: None)
        self._catalogue = Catalogue()
        self._warned_of_store = False

    def apply(self, rows: Sequence[StockRow]) -> None:
        """Compare `rows` with the stock as it is now and write the difference."""
        if not self._is_dry_run:
            # On PostgreSQL writers queue here, so what is compared below stays true until commit.
            db.session.execute(sa.select(StockVersion.number).with_for_update())
        for source, group in groupby(sorted(rows, key=_source), key=_source):
            self._apply_source(source, list(group))

    def withdraw(self, ids: Sequence[int]) -> None:
        """Archive the vehicles with these row ids."""
        for start in range(0, len(ids), BATCH_ROWS):
            vehicles = db.session.scalars(
                sa.select(Vehicle).where(Vehicle.id.in_(ids[start : start + BATCH_ROWS]))
            ).all()
            before = [(vehicle, {"state": vehicle.state}) for vehicle in vehicles]
            revise_vehicles(((vehicle, {"state": "archived"}) for vehicle in vehicles), by=self._by)
            self._note("withdrawn", before)

    def _apply_source(self, source: str, rows: list[StockRow]) -> None:
        there = self._vehicles(source, rows)
        new: list[tuple[str, VehicleFacts]] = []
        changed: list[tuple[Vehicle, Mapping[str, Any]]] = []
        for row in rows:
            vehicle = there.get(row.source_id)
            if vehicle is None:
                new.append((row.source_id, self._facts(row)))
                continue
            changes = self._changes(vehicle, row)
            before = {
                name: getattr(vehicle, name) for name in ("built_year", "model_year", "price_cents")
            }
            problems = problems_of({**before, **changes}, vehicle.state) if changes else {}
            if problems:  # somebody changed the vehicle after the row was checked
                self._reject(row, problems)
            elif changes:
                changed.append((vehicle, changes))
            else:
                self._report.unchanged += 1
        self._report.created += len(new)
        self._report.updated += len(changed)
        if not self._is_dry_run:
            by, catalogue = self._by, self._catalogue
            stood = [(vehicle, standing(vehicle, tuple(changes))) for vehicle, changes in changed]
            made = register_vehicles(
                new, source=source, by=by, catalogue=catalogue, from_source=True
            )
            revise_vehicles(changed, by=by, catalogue=catalogue, from_source=True)
            self._note("created", [(vehicle, {}) for vehicle in made])
            self._note("updated", stood)

    def _vehicles(self, source: str, rows: Iterable[StockRow]) -> dict[str, Vehicle]:
        ids = [row.source_id for row in rows]
        found = db.session.scalars(
            sa.select(Vehicle)
            .where(Vehicle.source == source, Vehicle.source_id.in_(ids))
            .options(
                joinedload(Vehicle.car_model),
                joinedload(Vehicle.trim),
                joinedload(Vehicle.store),
                selectinload(Vehicle.photos).load_only(
                    Photo.vehicle_id, Photo.position, Photo.source_url, Photo.renditions
                ),
            )
        )
        return {vehicle.source_id: vehicle for vehicle in found}

    # --- a new vehicle -----------------------------------------------------------------------

    def _facts(self, row: StockRow) -> VehicleFacts:
        given = {name: value for name, value in row.facts.items() if value is not None}
        given["state"] = wanted_state(row.facts.get("state"), None)
        if row.history:
            given["history"] = dict(row.history)
        store_id = self._store_id(row)
        store: Store | int = store_id or 0  # a dry run makes no store
        if not self._is_dry_run:
            store = db.session.get_one(Store, store_id)
            if store.requires_photo and not given.get("photo_addresses"):
                words = _("This store publishes with photos only: kept as draft.")
                self._hold_back(row, given, "photo_addresses", words)
            elif store.requires_provenance:  # what no file says of a car
                words = _("This store publishes with its provenance looked up: kept as draft.")
                self._hold_back(row, given, "state", words)
        return VehicleFacts(**{"condition": "used", **given, "store": store})

    def _hold_back(self, row: StockRow, given: dict[str, Any], fact: str, words: str) -> None:
        if given["state"] in {"published", "reserved", "sold"}:
            given["state"] = "draft"
            self._warn(row, fact, words)

    def _store_id(self, row: StockRow) -> int | None:
        if row.store:
            found = self._stores.find(row.store)
            if found is not None:
                return found
            self._warn(
                row,
                "store",
                _(
                    "A new store was added: %(name)s. Complete its address to show it.",
                    name=row.store,
                ),
            )
            return self._make_store(row.store)
        if self._stores.main_id is None:
            return self._make_store(str(_("Main store")))
        if self._stores.are_several and not self._warned_of_store:
            self._warned_of_store = True
            self._warn(row, "store", _("Rows that name no store go to the main store."))
        return self._stores.main_id

    def _make_store(self, name: str) -> int | None:
        if self._is_dry_run:
            self._stores.pretend(name)
            return None
        return self._stores.make(name)

    # --- a vehicle that is there -------------------------------------------------------------

    def _changes(self, vehicle: Vehicle, row: StockRow) -> dict[str, Any]:
        changes = {
            name: value
            for name, value in row.facts.items()
            if name not in _JOINED and not _is_same(name, getattr(vehicle, name), value)
        }
        changes.update(self._changed_names(vehicle, row.facts))
        features = row.facts.get("features")
        if features is not None and features_as_read(vehicle.features) != features:
            changes["features"] = features
        history = self._history(vehicle, row)
        if history != vehicle.history:
            changes["history"] = history
        description = row.facts.get("description")
        if (
            description is not None
            and clean_text(vehicle.description, LONGEST_FIELD) != description
        ):
            changes["description"] = description
        photos = row.facts.get("photo_addresses")
        if photos is not None and not has_photo_addresses(vehicle, photos):
            changes["photo_addresses"] = photos
        if row.store:
            store_id = self._store_id(row)
            if store_id != vehicle.store_id:
                changes["store"] = store_id
        return self._with_state(vehicle, row, changes)

    def _changed_names(self, vehicle: Vehicle, facts: Mapping[str, Any]) -> dict[str, str]:
        given = {name: facts[name] for name in _NAMES if name in facts}
        if not given:
            return {}
        now = {
            "make": vehicle.car_model.make.name,
            "model_name": vehicle.car_model.name,
            "trim": vehicle.trim.name if vehicle.trim else "",
        }
        if all(fold(now[name]) == fold(value) for name, value in given.items()):
            return {}
        entry = self._catalogue.look_up(**{**now, **given})
        if entry and (entry.car_model_id, entry.trim_id) == (vehicle.car_model_id, vehicle.trim_id):
            return {}
        return given

    def _history(self, vehicle: Vehicle, row: StockRow) -> dict[str, bool]:
        """What the row states, over what is known. Our own export states all that is true, so a
        word taken out of it is taken back; other sources do not know what staff added."""
        kept = dict(vehicle.history)
        if row.names_source and "features" in row.facts:
            kept = {flag: value for flag, value in kept.items() if not value}
        return {**kept, **row.history}

    def _with_state(
        self, vehicle: Vehicle, row: StockRow, changes: dict[str, Any]
    ) -> dict[str, Any]:
        state = wanted_state(row.facts.get("state"), vehicle.state)
        if state == vehicle.state:
            return changes
        is_gated = vehicle.state not in {"published", "reserved"}
        if is_gated and state in {"published", "reserved", "sold"}:
            photos = row.facts.get("photo_addresses", vehicle.photos)
            store = vehicle.store
            if store.requires_photo and not photos:
                words = _("This store publishes with photos only: not published.")
                self._warn(row, "photo_addresses", words)
                return changes
            if store.requires_provenance and outdated(
                provenance_of(vehicle.id), store.provenance_valid_days
            ):
                words = _("This store publishes with its provenance looked up: not published.")
                self._warn(row, "state", words)
                return changes
        return {**changes, "state": state}

    def _warn(self, row: StockRow, fact: str, reason: str) -> None:
        self._report.warnings.append(Problem(row.number, self._reader.column_of(fact), reason))

    def _reject(self, row: StockRow, problems: Mapping[str, str]) -> None:
        found = tuple(
            Problem(row.number, self._reader.column_of(fact), reason)
            for fact, reason in problems.items()
        )
        self._report.rejected.append(RejectedRow(row.number, row.source_id, found))


def _source(row: StockRow) -> str:
    return row.source


def _is_same(fact: str, stored: Any, given: Any) -> bool:
    """Texts are compared as they would be read back."""
    if isinstance(stored, str) and isinstance(given, str) and stored != given:
        return (
            escaped(stored) if fact == "video_url" else clean_line(stored, LONGEST_FIELD)
        ) == given
    return bool(stored == given)
