"""What keeps a car from the site, in words, each with the field that mends it.

The one list that the life cycle and the screens ask. A price is the law's (Decreto 5.903/2006
art. 3), so is a lawful text (CDC 52, 54-B) and a promotion that still runs (CDC 30, 37); photos and
provenance (Lei 13.111/2015) are gates that a store turns on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from core.clock import today
from inventory.advertising import AdvertisedOffer, Finding, lint_advertisement
from inventory.models import Vehicle
from inventory.offers import price_and_former
from inventory.provenance import ITEMS, ProvenanceFact, outdated, provenance_of

TEXTS: Final = ("description", "legal_text")


@dataclass(frozen=True)
class Gate:
    """One missing point: `field` names where to mend it, `law` what asks for it, if a law does."""

    code: str
    words: str
    field: str
    law: str = ""


@dataclass(frozen=True)
class TextFinding:
    """What the advertisement check found, and in which of the car's texts."""

    field: str
    finding: Finding


def problems_to_publish(
    vehicle: Vehicle,
    *,
    from_source: bool = False,
    known: Mapping[str, ProvenanceFact] | None = None,
) -> list[Gate]:
    """Everything that keeps `vehicle` from the site; empty when nothing does. `known` is its
    provenance where the caller has read it for many cars at once.

    `from_source`: an import publishes what its source advertises already. Its texts and expired
    promotions are then shown to staff as warnings, the other gates hold all the same.
    """
    gates = [*_price(vehicle), *_photo(vehicle), *_provenance(vehicle, known), *_store(vehicle)]
    if not from_source:
        gates += [*_promotion(vehicle), *_texts(vehicle)]
    return gates


def text_findings(vehicle: Vehicle) -> list[TextFinding]:
    """What `lint_advertisement` says of the texts of `vehicle`, read together as the page shows
    them; what is missing belongs to the legal text."""
    return findings_in(
        {name: getattr(vehicle, name) or "" for name in TEXTS},
        AdvertisedOffer(*price_and_former(vehicle, {})),
    )


def findings_in(texts: Mapping[str, str], offer: AdvertisedOffer) -> list[TextFinding]:
    """The same for texts that are not saved yet."""
    whole = "\n\n".join(text for text in (texts.get(name, "") for name in TEXTS) if text)
    alone = {one.code for one in lint_advertisement(texts.get("description", ""), offer)}
    return [
        TextFinding("description" if _is_in(one, alone) else "legal_text", one)
        for one in lint_advertisement(whole, offer)
    ]


def unlawful_texts(vehicle: Vehicle, values: Mapping[str, Any]) -> dict[str, str]:
    """What `values` (by names of VehicleFacts) would make unlawful in the texts of a car on the
    site, as field -> sentences; empty when nothing. What stands there never becomes unlawful by a
    save, be it of the text or of the price that the text speaks of; drafts are only warned."""
    if vehicle.state not in {"published", "reserved"}:
        return {}
    texts = {name: values.get(name, getattr(vehicle, name)) or "" for name in TEXTS}
    then = findings_in(texts, AdvertisedOffer(*price_and_former(vehicle, values)))
    unlawful = [one for one in then if one.finding.is_unlawful]
    before = {one.finding.code for one in text_findings(vehicle)} if unlawful else set()
    said: dict[str, list[str]] = {}
    for one in unlawful:
        if one.finding.code not in before:
            said.setdefault(one.field, []).append(one.finding.sentence)
    return {field: " ".join(sentences) for field, sentences in said.items()}


def _is_in(finding: Finding, found_in_description: set[str]) -> bool:
    """Wrong words are mended where they stand; missing ones go into the legal text."""
    return bool(finding.excerpt) and finding.code in found_in_description


def _price(vehicle: Vehicle) -> list[Gate]:
    if vehicle.price_cents:
        return []
    return [
        Gate("price", _("The cash price is missing."), "price", "Decreto 5.903/2006, art. 3"),
    ]


def _store(vehicle: Vehicle) -> list[Gate]:
    if vehicle.store.closed_at is None:
        return []
    return [Gate("store_closed", _("Its store was closed: choose another one."), "store")]


def _photo(vehicle: Vehicle) -> list[Gate]:
    if not vehicle.store.requires_photo or vehicle.photos:
        return []
    return [
        Gate("photo", _("This store publishes with photos only: take the first one."), "photos")
    ]


def _promotion(vehicle: Vehicle) -> list[Gate]:
    until = vehicle.promo_until
    if not vehicle.promo_price_cents or until is None:
        return []
    if until >= today(ZoneInfo(vehicle.store.zone)):
        return []
    words = _("The promotion ended on %(day)s: extend it or take it out.", day=f"{until:%d/%m/%Y}")
    return [Gate("promotion", words, "promo_until", "CDC, arts. 30 e 37")]


def _texts(vehicle: Vehicle) -> list[Gate]:
    return [
        Gate(f"text.{one.finding.code}", one.finding.words, one.field, one.finding.law)
        for one in text_findings(vehicle)
        if one.finding.is_unlawful
    ]


def _provenance(vehicle: Vehicle, known: Mapping[str, ProvenanceFact] | None) -> list[Gate]:
    if not vehicle.store.requires_provenance:
        return []
    if known is None:
        known = provenance_of(vehicle.id) if vehicle.id is not None else {}
    return provenance_gates(known, vehicle.store.provenance_valid_days)


def provenance_gates(known: Mapping[str, ProvenanceFact], valid_days: int) -> list[Gate]:
    """What the provenance gate of a store misses in `known`."""
    gates = []
    for item in outdated(known, valid_days):
        words = (
            _("Look this up again, it is older than %(n)s days: %(item)s",
              n=valid_days, item=ITEMS[item])
            if item in known
            else _("Provenance not answered: %(item)s", item=ITEMS[item])
        )  # fmt: skip
        gates.append(Gate(f"provenance.{item}", words, f"{item}_answer", "Lei 13.111/2015, art. 2"))
    return gates
