"""Other companies' measuring tags: only those whose id stands in the settings, only after a yes.

Without an id there is no banner, no further script and no other host in the content policy. With
one, `static/tags.js` asks first (LGPD art. 7 I; ANPD, Guia de cookies, 2022: refusing is as easy
as accepting) and loads nothing before: Google's consent mode v2 in its basic form. Pages say what
may be told as data on a `<template>`, never who the person is.

The macros in `macros/consent.html` use what `init_tags` gives to every template, landing pages'
too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask

from core.config import Config
from inventory.offers import Offer

_GOOGLE: Final = {
    "script-src": ("https://www.googletagmanager.com",),
    "img-src": ("https://www.googletagmanager.com", "https://*.google-analytics.com"),
    "connect-src": (
        "https://www.googletagmanager.com",
        "https://*.google-analytics.com",
        "https://*.analytics.google.com",
    ),
}
# The hosts that each company's own manual asks for. Google: developers.google.com/tag-platform/
# security/guides/csp; Meta: the loader's host and the pixel's; TikTok: one host for both.
HOSTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "ga4": _GOOGLE,
    "ads": {
        "script-src": (
            *_GOOGLE["script-src"],
            "https://www.googleadservices.com",
            "https://googleads.g.doubleclick.net",
        ),
        "img-src": (
            "https://www.googletagmanager.com",
            "https://googleads.g.doubleclick.net",
            "https://www.googleadservices.com",
            "https://www.google.com",
            "https://www.google.com.br",
        ),
        "connect-src": (
            "https://www.googletagmanager.com",
            "https://googleads.g.doubleclick.net",
            "https://www.googleadservices.com",
            "https://pagead2.googlesyndication.com",
            "https://www.google.com",
        ),
        "frame-src": ("https://www.googletagmanager.com", "https://td.doubleclick.net"),
    },
    "meta": {
        "script-src": ("https://connect.facebook.net",),
        "img-src": ("https://www.facebook.com",),
        "connect-src": ("https://connect.facebook.net", "https://www.facebook.com"),
    },
    "tiktok": {
        "script-src": ("https://analytics.tiktok.com",),
        "img-src": ("https://analytics.tiktok.com",),
        "connect-src": ("https://analytics.tiktok.com",),
    },
}
COMPANIES: Final = {"ga4": "Google", "ads": "Google", "meta": "Meta", "tiktok": "TikTok"}


@dataclass(frozen=True)
class Tags:
    """The ids that are set, by kind: ga4, ads, meta, tiktok."""

    ids: Mapping[str, str]

    @property
    def companies(self) -> str:
        """Whom a yes lets in: "Google, Meta"."""
        return ", ".join(dict.fromkeys(COMPANIES[kind] for kind in self.ids))

    def __bool__(self) -> bool:
        return bool(self.ids)


def tags_of(config: Config) -> Tags:
    """The tags that the settings name."""
    ids = {
        "ga4": config.ga4_id,
        "ads": config.google_ads_id,
        "meta": config.meta_pixel_id,
        "tiktok": config.tiktok_pixel_id,
    }
    return Tags({kind: value for kind, value in ids.items() if value})


def tag_sources(config: Config) -> dict[str, list[str]]:
    """What the content policy must let through for them, by directive; nothing without any."""
    allowed: dict[str, list[str]] = {}
    for kind in tags_of(config).ids:
        for directive, hosts in HOSTS[kind].items():
            allowed.setdefault(directive, []).extend(hosts)
    return {name: list(dict.fromkeys(hosts)) for name, hosts in allowed.items()}


def init_tags(app: Flask, config: Config) -> None:
    """Give every template the tags and the facts of an offer that events may tell."""
    app.jinja_env.globals.update(measuring=tags_of(config), offer_facts=offer_facts)


def offer_facts(offer: Offer) -> dict[str, Any]:
    """An offer as an event tells it (GA4's `view_item`); the price in reais."""
    price = round(offer.price_cents / 100, 2)
    return {
        "currency": "BRL",
        "value": price,
        "items": [
            {
                "item_id": offer.public_id,
                "item_name": offer.title,
                "item_brand": offer.make,
                "item_category": offer.body or "",
                "price": price,
            }
        ],
        "car": {
            "make": offer.make,
            "model": offer.model_name,
            "year": str(offer.model_year),
            "state_of_vehicle": "NEW" if offer.condition == "new" else "USED",
        },
    }
