"""The ad that a lead came by: how it stands now, and what to say where it is not true."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from admin.desk.rows import car_names
from admin.portal_ad_words import STATE_TAGS, ad_path, ad_words
from core.db import db
from core.money import format_brl
from integrators.listings import overview
from integrators.listings.lead_ads import ads_of
from integrators.listings.untrue_ads import untrue_ads
from integrators.models import PortalAccount
from integrators.untruth import Untruth
from inventory.models import Vehicle
from inventory.search import similar
from leads.models import Lead
from leads.pipeline.stages import Stage

SIMILAR: Final = 3
_WARNINGS: Final[Mapping[str, str]] = {
    "sold": _l("The ad still shows this car, and it was sold: say so, and offer one like it."),
    "reserved": _l("The ad still shows this car, and it is reserved: say so, and offer one like "
                   "it."),
    "gone": _l("The ad still shows this car, and it is not for sale: say so, and offer one like "
               "it."),
    "photo": _l("The ad has older photos than the site: send the new ones."),
    "text": _l("The ad has an older description than the site: the site is right."),
}  # fmt: skip


@dataclass(frozen=True)
class AdCard:
    """An ad in words: `url` is "" where the public does not see it, `warning` where it is true."""

    account: str
    url: str
    words: str
    tag: str
    warning: str
    is_gone: bool  # the car cannot be had


def ad_cards(lead: Lead) -> dict[int, AdCard]:
    """The ads that the newest enquiries of `lead` came by, by the enquiry's id. In a fixed number
    of statements; in one for a lead that no portal brought."""
    ads = ads_of(lead)
    if not ads:
        return {}
    ids = {ad.id for ad in ads.values()}
    states = overview.states_of(ids)
    names = _names({ad.account_id for ad in ads.values()})
    untrue = {one.listing_id: one for one in untrue_ads(ad_ids=ids)}
    return {
        enquiry_id: AdCard(
            account=names.get(ad.account_id, ""),
            url=ad_path(ad, states[ad.id]),
            words=ad_words(ad, states[ad.id]),
            tag=STATE_TAGS.get(states[ad.id], ""),
            warning=_warning(untrue.get(ad.id)),
            is_gone=ad.id in untrue and untrue[ad.id].what in {"sold", "reserved", "gone"},
        )
        for enquiry_id, ad in ads.items()
    }


def _names(account_ids: set[int]) -> dict[int, str]:
    rows = db.session.execute(
        sa.select(PortalAccount.id, PortalAccount.name).where(PortalAccount.id.in_(account_ids))
    )
    return {row[0]: row[1] for row in rows}


def _warning(untruth: Untruth | None) -> str:
    if untruth is None:
        return ""
    if untruth.said_cents and untruth.true_cents:
        return _(
            "The ad says %(said)s. The right price is %(true)s: say so before they ask.",
            said=format_brl(untruth.said_cents),
            true=format_brl(untruth.true_cents),
        )
    return str(_WARNINGS.get(untruth.what, ""))


def alike(lead: Lead, state: str) -> list[tuple[Vehicle, str]]:
    """Cars like the one that was asked for, with their names, when they cannot have that one, which
    is in `state` ("" for none)."""
    if lead.vehicle_id is None or state in {"published", ""} or lead.state == Stage.RESERVED:
        return []
    ids = similar(lead.vehicle_id, SIMILAR)
    names = car_names(ids)
    cars = {
        one.id: one for one in db.session.scalars(sa.select(Vehicle).where(Vehicle.id.in_(ids)))
    }
    return [(cars[one], names[one]) for one in ids if one in cars]
