"""A car as adapters are told of it, and the lists of a portal as somebody matched them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from integrators.portals.portal import Car, Secrets, StoreContact
from inventory.availability import Availability
from inventory.offers import Offer, OfferStore

INSTANT = datetime(2026, 11, 20, tzinfo=UTC)
PLATE = Secrets(plate="ABC1D23", vin="9BWZZZ377VT004251")
STORE = StoreContact(
    "Loja Exemplo", "Av. Exemplo, 100", "Centro", "Ribeirão Preto", "SP", "14000000",
    -21.17, -47.81,
    "+551633330000", "+5516999990000", "contato@exemplo.com.br",
)  # fmt: skip
ARGO = Offer(
    id=1, public_id="k3p9", slug="fiat-argo", availability=Availability.AVAILABLE,
    make="Fiat", make_slug="fiat", model_name="Argo", model_slug="argo", trim="Drive 1.0 Firefly",
    condition="used", built_year=2021, model_year=2022, price_cents=6_490_050,
    previous_price_cents=None, promo_until=None, mileage_km=38_500, fuel="flex",
    transmission="manual", body="hatch", color="white", doors=4, engine="1.0", power_hp=77,
    plate_final_digit="3", fipe_code=None, fipe_price_cents=None, fipe_month=None,
    features=("power_windows", "air_conditioning", "digital_ac", "carplay"),
    history={"single_owner": True, "accepts_trade": False, "ipva_paid": True, "armored": True},
    description="<p>Revisado.</p> Ligue (16) 3333-0000 e agende.", legal_text="Texto legal.",
    video_url="https://youtu.be/abc123XYZ_0", store=OfferStore(1, "l", "Loja", "RP", "SP"),
    photos=(), published_at=INSTANT, updated_at=INSTANT, state_changed_at=INSTANT,
    highlight_rank=None,
)  # fmt: skip
MOTORCYCLE = {
    "body": "motorcycle", "make": "Honda", "make_slug": "honda", "model_name": "CG 160",
    "model_slug": "cg-160", "trim": "Titan", "engine": "160 cc", "doors": None, "fuel": "flex",
    "features": ("abs", "alarm"), "video_url": "",
}  # fmt: skip


class Matched:
    """What the portal calls our words. `asked` are those that it was asked for."""

    def __init__(self, codes: dict[tuple[str, ...], str]) -> None:
        self.codes = codes
        self.asked: list[tuple[str, ...]] = []

    def code(self, list_name: str, *ours: str) -> str:
        self.asked.append((list_name, *ours))
        return self.codes.get((list_name, *ours), "")


def car(*, photos: int = 2, store: dict[str, Any] | None = None, trim_slug: str = "drive-1-0",
        extra_text: str = "", **offer: Any) -> Car:  # fmt: skip
    """The Argo, or what `offer` makes of it."""
    return Car(
        replace(ARGO, **offer),
        replace(STORE, **(store or {})),
        "https://loja.example/oferta/x",
        tuple(f"https://loja.example/m/{number}.jpg" for number in range(1, photos + 1)),
        extra_text,
        trim_slug,
    )
