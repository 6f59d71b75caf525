"""What OLX says of ads, in our words: states, refusals, and the notification of an ad's state.

Manual: developers.olx.com.br/anuncio/api/import.html, …/publishing_status.html,
…/published_ads.html and /webhooks/notifications_ad_status.html. Pure.
"""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.text import clean_line
from integrators.portals.portal import Problem, Remote, RemoteAd

LONGEST_SAID: Final = 200
NO_SLOTS: Final = "NOT_ENOUGH_AD_SLOTS"
UNKNOWN_AD: Final = "UNDEFINED_AD_ID"

# The states that a notification names; the list of ads names some of them.
STATES: Final = {
    "published": Remote.ONLINE,
    "published_pending_review": Remote.ONLINE,  # buyers see the version before
    "pending_review": Remote.IN_REVIEW,
    "accepted": Remote.IN_REVIEW,
    "undeleted": Remote.IN_REVIEW,
    "expired_reviewed": Remote.IN_REVIEW,
    "pending_pay": Remote.NO_SLOTS,
    "refused": Remote.REJECTED,
    "expired": Remote.EXPIRED,
    "deleted": Remote.OFFLINE,
    "deleted_sold": Remote.OFFLINE,
    "sold": Remote.OFFLINE,
}
# Who looks at one ad reads other words for the same.
LOOKED_AT: Final = {**STATES, "accepted": Remote.ONLINE, "pending": Remote.IN_REVIEW}

_REFUSALS: Final[dict[str, tuple[LazyString, str]]] = {
    "UNDEFINED_AD_ID": (_l("OLX does not know this ad."), ""),
    "NO_IMAGE": (_l("OLX asks for at least one photo."), "photos"),
    "NO_REGION": (_l("OLX does not know the store's postal code. Check it."), "store"),
    "ERROR_FUEL_4_DEPRECATED": (_l("OLX does not take this fuel."), "fuel"),
    "ERROR_FINANCIAL_INVALID": (_l("OLX does not take what is said of the papers."), "history"),
    "ERROR_CAR_FEATURE_2_INVALID": (_l("OLX does not take one of the features."), "features"),
    "ERROR_CAR_TYPE_1_OR_4_INVALID": (_l("OLX does not take this body type."), "body"),
    "ERROR_VEHICLE_TAG_INVALID": (_l("OLX does not take this plate. Check it."), "license_plate"),
    "INVALID_PLATE": (_l("OLX does not take this plate. Check it."), "license_plate"),
    "ERROR_VEHICLE_BRAND_INVALID": (_l("OLX no longer knows this make. Choose it again."), "terms"),
    "ERROR_VEHICLE_MODEL_INVALID": (
        _l("OLX no longer knows this model. Choose it again."), "terms"),
    "ERROR_VEHICLE_VERSION_INVALID": (
        _l("OLX no longer knows this version. Choose it again."), "terms"),
    "ERROR_VEHICLE_BRAND_MODEL_VERSION_INVALID": (
        _l("On OLX make, model and version do not belong together. Choose them again."), "terms"),
    "ERROR_VIDEOS_URL_INVALID": (_l("OLX takes films of YouTube only."), "video_url"),
    "ERROR_IMAGE_TOO_SMALL": (_l("OLX finds a photo too small. Put a larger one."), "photos"),
    "ERROR_DOWNLOADING_IMAGE": (_l("OLX could not fetch a photo. Try again."), "photos"),
    "ERROR_UPLOADING_IMAGE": (_l("OLX could not keep a photo. Try again."), "photos"),
    "REFUSED_SUSPECT_CATEGORY": (_l("OLX doubts the kind of vehicle. Check it."), "body"),
    "REFUSED_SUSPECT_REGION": (_l("OLX doubts the store's postal code. Check it."), "store"),
    "REFUSED_SUSPECT_AUTOS": (_l("OLX doubts the car's facts. Check them."), "description"),
    "REFUSED_SUSPECT_DUPLICATES": (_l("OLX holds it for a repeat of another ad."), ""),
    "REFUSED_SUSPECT_PRICE": (_l("OLX doubts the price. Check it."), "price"),
    "REFUSED_DENOUNCE": (_l("Somebody reported the ad to OLX. Talk to OLX."), ""),
    "REFUSED_DENOUNCED": (_l("Somebody reported the ad to OLX. Talk to OLX."), ""),
    "REFUSED_SUSPECT_FRAUD": (_l("OLX suspects a fraud. Talk to OLX."), ""),
    "AUTOS_FRAUD_MODEL": (_l("OLX suspects a fraud. Talk to OLX."), ""),
    "REFUSED_SUSPECT_LINK_TAGS": (_l("OLX takes no links in the text."), "description"),
}  # fmt: skip


def codes_of(messages: Any) -> list[str]:
    """The codes in an answer's list of messages, which holds texts or {"category": code}."""
    found = messages if isinstance(messages, list) else [messages]
    told = (one.get("category") if isinstance(one, dict) else one for one in found)
    return [str(one).strip() for one in told if one]


def refusal(codes: list[str]) -> Problem:
    """Why OLX turned an ad away, in a sentence that says what to do. A code that nobody described
    is shown as it is."""
    for code in codes:
        if code in _REFUSALS:
            words, field = _REFUSALS[code]
            return Problem(code, str(words), field)
    said = clean_line(", ".join(codes), LONGEST_SAID)
    words_of_theirs = _("OLX refuses this ad: %(said)s", said=said or _("no reason given"))
    return Problem(clean_line(codes[0] if codes else "refused", 80), str(words_of_theirs))


def remote_ad(
    row: Mapping[str, Any], states: Mapping[str, Remote], otherwise: Remote | None = None
) -> RemoteAd | None:
    """One ad as a list, a look or a notification shows it; in a state that nobody described it
    stands `otherwise`, or is None."""
    substate = str(row.get("status") or "").strip().lower()
    remote = states.get(substate, otherwise)
    if remote is None:
        return None
    number = str(row.get("list_id") or "").strip()
    return RemoteAd(
        external_id=number,
        key=str(row.get("id") or "").strip(),
        remote=remote,
        substate=substate,
        url=str(row.get("url") or "").strip(),
        age=number.zfill(20),
        words=_reason(row) if remote is Remote.REJECTED else "",
    )


def ad_status(post: Mapping[str, Any]) -> RemoteAd | None:
    """The ad that a notification of its state tells of; None for any other post. Documented types
    and documented sample disagree (text, number): both are read."""
    data = post.get("data")
    ad = data.get("ad") if isinstance(data, dict) else None
    if str(post.get("topic")).upper() != "AD_STATUS" or not isinstance(ad, dict):
        return None
    actions = data.get("actions") if isinstance(data, dict) else None
    url = actions.get("view") if isinstance(actions, dict) else ""
    return remote_ad({**ad, "url": url}, STATES)


def _reason(row: Mapping[str, Any]) -> str:
    """Why an ad was refused. The notification names a reason beside its words."""
    if tag := str(row.get("reason_tag") or "").strip():
        if tag in _REFUSALS:
            return str(_REFUSALS[tag][0])
        return refusal([str(row.get("message") or tag)]).words
    return refusal(codes_of(row.get("message"))).words
