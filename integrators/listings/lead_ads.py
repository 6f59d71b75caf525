"""Which ad of ours a lead came by."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from core.db import db
from integrators.models import Listing
from integrators.portals.every import PORTALS
from leads.models import Enquiry, Lead, Submission

_RECENT: Final = 3  # enquiries of one lead, the newest


class _Came(NamedTuple):
    """An enquiry, and the account it came by."""

    enquiry_id: int
    account_id: int
    vehicle_id: int | None
    ad: str  # as the portal named it


def ads_of(lead: Lead) -> dict[int, Listing]:
    """The ads that the newest enquiries of `lead` came by, by the enquiry's id. Two statements, one
    for a lead that no portal brought."""
    came = [one for row in _enquiries(lead) if (one := _came(row, lead)) is not None]
    if not came:
        return {}
    ads = _candidates(came)
    found = {one.enquiry_id: _ad_of(one, ads) for one in came}
    return {enquiry_id: ad for enquiry_id, ad in found.items() if ad is not None}


def _enquiries(lead: Lead) -> Sequence[Any]:
    return db.session.execute(
        sa.select(Enquiry, Submission.idem_key)
        .join(Submission, Submission.id == Enquiry.submission_id)
        .where(Enquiry.lead_id == lead.id, Enquiry.source.in_(PORTALS))
        .order_by(Enquiry.id.desc())
        .limit(_RECENT)
    ).all()


def _came(row: Any, lead: Lead) -> _Came | None:
    """What a portal posts is kept under a key that begins with the account's number."""
    enquiry, key = row
    account_id = key.partition(":")[0]
    if not account_id.isdecimal():
        return None
    ad = str(enquiry.details.get("ad") or "")
    if not ad and enquiry.source == lead.source:
        ad = lead.source_ref
    return _Came(enquiry.id, int(account_id), enquiry.vehicle_id, ad)


def _candidates(came: Sequence[_Came]) -> Sequence[Listing]:
    names = {one.ad for one in came if one.ad}
    cars = {one.vehicle_id for one in came if one.vehicle_id is not None}
    statement = sa.select(Listing).where(
        Listing.account_id.in_({one.account_id for one in came}),
        sa.or_(
            Listing.external_id.in_(names), Listing.key.in_(names), Listing.vehicle_id.in_(cars)
        ),
    )
    return db.session.scalars(statement.order_by(Listing.id)).all()


def _ad_of(came: _Came, ads: Sequence[Listing]) -> Listing | None:
    """The ad by its own name; where the portal named none of ours, that of the car."""
    own = [ad for ad in ads if ad.account_id == came.account_id]
    named = (ad for ad in own if came.ad and came.ad in {ad.external_id, ad.key})
    of_car = (ad for ad in own if came.vehicle_id is not None and ad.vehicle_id == came.vehicle_id)
    return next(named, None) or next(of_car, None)
