"""What the demo's sellers write about a car, in Portuguese: true of that car, or not written.

These texts are the stock's content, as a dealer would type it, so nobody translates them.
"""

import random
from collections.abc import Sequence
from datetime import date
from typing import Final

from core.text import format_km
from inventory.editing import VehicleFacts

_COLORS: Final = {
    "white": "branca", "black": "preta", "silver": "prata", "gray": "cinza", "red": "vermelha",
    "blue": "azul", "brown": "marrom", "green": "verde", "orange": "laranja", "yellow": "amarela",
    "burgundy": "vinho",
}  # fmt: skip
_GEARBOXES: Final = {
    "manual": "câmbio manual", "automatic": "câmbio automático", "cvt": "câmbio automático CVT",
    "dct": "câmbio de dupla embreagem", "automated": "câmbio automatizado",
}  # fmt: skip
# Models that Brazilians speak of as "ela".
_FEMININE: Final = {
    "Spin", "Montana", "S10", "Strada", "Toro", "Weekend", "Fiorino", "Saveiro", "Amarok",
    "SpaceFox", "Hilux", "SW4", "Oroch", "Master", "Frontier", "Maverick", "Ranger", "Rampage",
    "L200 Triton", "A4 Avant", "V60",
}  # fmt: skip
# What a seller would mention first, best first.
_WORTH_SAYING: Final = {
    "panoramic_roof": "teto panorâmico", "camera_360": "câmera 360°",
    "adaptive_cruise": "piloto automático adaptativo", "head_up_display": "head-up display",
    "sunroof": "teto solar", "aeb": "frenagem automática de emergência",
    "blind_spot": "alerta de ponto cego", "power_tailgate": "porta-malas elétrico",
    "leather_seats": "bancos de couro", "dual_zone_ac": "ar-condicionado de duas zonas",
    "led_headlights": "faróis de LED", "keyless_entry": "chave presencial",
    "wireless_charger": "carregador de celular por indução",
    "digital_ac": "ar-condicionado digital",
    "carplay": "Apple CarPlay", "android_auto": "Android Auto", "rear_camera": "câmera de ré",
    "cruise_control": "piloto automático", "side_airbag": "airbags laterais",
    "bed_cover": "capota marítima", "tow_hitch": "engate", "alloy_wheels": "rodas de liga leve",
    "parking_sensor": "sensor de estacionamento", "multimedia": "central multimídia",
    "esc": "controle de estabilidade", "steering_controls": "comandos no volante",
    "bluetooth": "Bluetooth", "power_windows": "vidros elétricos",
    "air_conditioning": "ar-condicionado", "power_steering": "direção assistida",
}  # fmt: skip


def describe(facts: VehicleFacts, city: str, chance: random.Random) -> str:
    """Two to four sentences about the car, all of them taken from `facts`."""
    opening = _new_opening(facts, chance) if facts.condition == "new" else _opening(facts, chance)
    first = [*opening, _equipment(facts, chance)]
    further = [_engine(facts, chance), _past(facts), _closing(facts, city, chance)]
    further = [text for text in further if text]
    must = [text for text in further if "leilão" in text or "blindad" in text.lower()]
    optional = [text for text in further if text not in must]
    room = chance.randint(0, 4 - len(first) - len(must)) if len(must) < 2 else 0
    kept = {*must, *chance.sample(optional, min(room, len(optional)))}
    return " ".join([*first, *(text for text in further if text in kept)])


def legal_text(chance: random.Random, promo_until: date | None) -> str:
    """The small print: until when a promotion holds (CDC 37). No rate without all that CDC 54-B
    wants beside it: a simulation shows that. Portals show the text, too: it speaks of no page."""
    credit = (
        "Financiamento sujeito a análise e aprovação de crédito; todas as condições são informadas "
        "antes da contratação."
    )
    if promo_until:
        return (
            f"Preço promocional à vista válido até {promo_until:%d/%m/%Y} ou até a venda deste "
            f"veículo. {credit}"
        )
    return credit if chance.random() < 0.6 else ""


def _years(facts: VehicleFacts) -> str:
    return f"{facts.built_year}/{facts.model_year}"


def _this(facts: VehicleFacts) -> str:
    return "Esta" if facts.model_name in _FEMININE else "Este"


def _new_opening(facts: VehicleFacts, chance: random.Random) -> list[str]:
    color = _COLORS[facts.color or ""]
    name = f"{facts.make} {facts.model_name}"
    return [
        chance.choice(
            (
                f"{name} {facts.trim} zero km, ano/modelo {_years(facts)}, na cor {color}.",
                f"{_this(facts)} {facts.model_name} {facts.trim} é zero km, tem a cor {color} e "
                "sai com garantia de fábrica.",
                f"Zero km na cor {color}, {name} {facts.trim} com garantia de fábrica.",
            )
        )
    ]


def _opening(facts: VehicleFacts, chance: random.Random) -> list[str]:
    color = _COLORS[facts.color or ""]
    km = format_km(facts.mileage_km or 0)
    name = f"{facts.make} {facts.model_name}"
    this = f"{_this(facts)} {facts.model_name}"
    return [
        chance.choice(
            (
                f"{name} {facts.trim} {_years(facts)} na cor {color}, com {km} rodados.",
                f"{this} {facts.trim} é {_years(facts)}, tem a cor {color} e rodou {km}.",
                f"{this} saiu da fábrica em {facts.built_year} e marca {km} no hodômetro.",
                f"Na cor {color}, {this[0].lower()}{this[1:]} {facts.trim} está com {km}.",
            )
        )
    ]


def _equipment(facts: VehicleFacts, chance: random.Random) -> str:
    named = [words for code, words in _WORTH_SAYING.items() if code in facts.features]
    best = named[: chance.choice((4, 5, 6))]
    chosen = set(chance.sample(best, min(3, len(best))))
    picked = [words for words in best if words in chosen]
    starts = ("Traz", "Vem com", "Tem", "Entre os equipamentos estão")
    return f"{chance.choice(starts if len(picked) > 1 else starts[:3])} {_listed(picked)}."


def _engine(facts: VehicleFacts, chance: random.Random) -> str:
    gearbox = _GEARBOXES.get(facts.transmission or "")
    if facts.fuel == "electric":
        return f"O motor elétrico entrega {facts.power_hp} cv, sem trocas de marcha."
    return chance.choice(
        (
            f"O motor {facts.engine} de {facts.power_hp} cv trabalha com {gearbox}.",
            f"São {facts.power_hp} cv no motor {facts.engine}, com {gearbox}.",
        )
    )


def _past(facts: VehicleFacts) -> str:
    known = facts.history
    if known.get("auction"):
        return "Tem passagem por leilão, informada no laudo e já considerada no preço."
    if known.get("armored"):
        return "O carro é blindado."
    good = []
    if known.get("single_owner"):
        good.append("único dono")
    if known.get("service_history"):
        good.append("todas as revisões feitas")
    if known.get("ipva_paid"):
        good.append("IPVA pago")
    if facts.condition == "used" and known.get("manufacturer_warranty"):
        good.append("garantia de fábrica vigente")
    if not good:
        return ""
    text = _listed(good[:3])
    return f"{text[0].upper()}{text[1:]}."


def _closing(facts: VehicleFacts, city: str, chance: random.Random) -> str:
    texts = [
        f"Está na loja de {city} para ver de perto.",
        f"Agende um test-drive na loja de {city}.",
    ]
    if facts.history.get("accepts_trade"):
        texts.append("Aceitamos seu usado como parte do pagamento.")
    return chance.choice(texts)


def _listed(words: Sequence[str]) -> str:
    """'a, b e c'."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} e {words[-1]}"
