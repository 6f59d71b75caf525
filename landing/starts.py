"""What a new page and a new block begin with: texts that already keep the rules.

They are content for buyers, so they are written in Portuguese like every page; staff change them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import lazy_gettext as _l

from content.calls_to_action import suggestion_for
from inventory import search
from inventory.filters import to_query
from inventory.offers import Offer
from inventory.search import OfferFilter
from landing.goals import FORMS, Goal

Raw = dict[str, Any]
TERMS: Final = (
    "Preços à vista, válidos enquanto o veículo estiver no estoque. Crédito sujeito a análise."
)
_FORM_WORDS: Final[Mapping[Goal, tuple[str, str]]] = {
    Goal.PROPOSAL: ("Receba uma proposta", "Nome e telefone bastam."),
    Goal.TEST_DRIVE: ("Agende seu test drive", "Combinamos o dia e a hora com você."),
    Goal.TRADE_IN: ("Quanto vale o seu carro?", "A primeira avaliação chega por escrito."),
    Goal.FINANCING: ("Simule as parcelas", "A simulação chega por escrito."),
    Goal.CALL_BACK: ("Ligamos para você", "Diga o melhor horário."),
}


@dataclass(frozen=True)
class Start:
    """A page to begin with. `needs` is what must be chosen first: car, body or nothing."""

    key: str
    name: str
    about: str
    goal: Goal
    needs: str
    icon: str


STARTS: Final = (
    Start("carro", _l("One car"), _l("All of the page is about one car of the stock."),
          Goal.PROPOSAL, "car", "car"),
    Start("carroceria", _l("A body type"), _l("The SUVs, hatches or pick-ups you have today."),
          Goal.PROPOSAL, "body", "tag"),
    Start("troca", _l("Trade-in"), _l("The visitor has the own car valued."),
          Goal.TRADE_IN, "", "undo"),
    Start("financiamento", _l("Financing"), _l("The visitor simulates the instalments."),
          Goal.FINANCING, "", "chart"),
    Start("test-drive", _l("Test drive"), _l("The visitor books a test drive."),
          Goal.TEST_DRIVE, "", "key"),
)  # fmt: skip


def find_start(key: str) -> Start | None:
    """The start with that key, or None."""
    return next((start for start in STARTS if start.key == key), None)


def content_of(start: Start, *, offer: Offer | None = None, body: str = "") -> Raw:
    """The content that a page from `start` begins with; `offer` and `body` as it needs them."""
    return _CONTENTS[start.key](start.goal, offer, body)


def _act(goal: Goal) -> Raw:
    return {"text": suggestion_for(goal), "goal": goal.value}


def _page(title: str, description: str, headline: str, text: str, goal: Goal, *blocks: Raw,
          reasons: tuple[str, ...] = ()) -> Raw:  # fmt: skip
    hero = {"kind": "hero", "headline": headline, "text": text, "action": _act(goal)}
    if reasons:
        hero["reasons"] = list(reasons)
    form = [new_block("form", goal)] if goal in FORMS else []
    return {
        "title": title[:65],
        "description": description[:160],
        "blocks": [hero, *form, *blocks, new_block("benefits", goal), new_block("legal", goal)],
    }


def _car(goal: Goal, offer: Offer | None, _body: str) -> Raw:
    if offer is None:
        raise ValueError("this start needs a car")
    name = f"{offer.name} {offer.model_year}"
    picture = {"picture": {"vehicle": offer.public_id}} if offer.photos else {}
    page = _page(
        name,
        f"{name} em {offer.store.city}: veja as fotos, o preço de hoje e peça uma proposta.",
        name[:90],
        "Veja as fotos, confira o preço de hoje e receba uma proposta.",
        goal,
        {"kind": "offer", "vehicles": [offer.public_id], "action": _act(goal)},
    )
    page["blocks"][0] |= picture
    return page


def _body(goal: Goal, _offer: Offer | None, body: str) -> Raw:
    words = search.label("body", body)
    return _page(
        f"{words}: os que temos hoje",
        f"{words} na loja hoje, com fotos e preço. Escolha um e peça uma proposta.",
        f"{words}: veja os que temos hoje",
        "Fotos do próprio carro e preço à vista, atualizados todos os dias.",
        goal,
        {
            "kind": "grid",
            "heading": "Na loja hoje",
            "filter": to_query(OfferFilter(bodies=(body,))),
            "action": _act(goal),
        },
    )


def _trade_in(goal: Goal, _offer: Offer | None, _body: str) -> Raw:
    return _page(
        "Avaliação do seu usado",
        "Diga marca, modelo e ano e receba a primeira avaliação do seu carro por escrito.",
        "Quanto vale o seu carro na troca?",
        "Diga marca, modelo e ano. A primeira avaliação chega por escrito.",
        goal,
        {
            "kind": "faq",
            "heading": "Como funciona",
            "items": [
                {
                    "question": "O valor é definitivo?",
                    "answer": "O valor final sai depois que alguém vê o carro com você.",
                },
                {"question": "Preciso comprar outro carro?", "answer": "Não. Você decide."},
            ],
        },
    )


def _financing(goal: Goal, _offer: Offer | None, _body: str) -> Raw:
    return _page(
        "Simule as parcelas do seu próximo carro",
        "Peça uma simulação por escrito, com entrada, parcelas e custo total.",
        "Veja as parcelas antes de vir à loja",
        "Peça a simulação e receba por escrito, com o custo total.",
        goal,
        {**new_block("grid", goal), "heading": "Escolha um carro"},
    )


def _test_drive(goal: Goal, _offer: Offer | None, _body: str) -> Raw:
    return _page(
        "Agende seu test drive",
        "Escolha o carro e combine o melhor dia para dirigir.",
        "Dirija antes de decidir",
        "Escolha o carro. Combinamos o dia e a hora com você.",
        goal,
        {**new_block("grid", goal), "heading": "Escolha o carro"},
    )


_CONTENTS: Final[Mapping[str, Callable[[Goal, Offer | None, str], Raw]]] = {
    "carro": _car,
    "carroceria": _body,
    "troca": _trade_in,
    "financiamento": _financing,
    "test-drive": _test_drive,
}


def new_block(kind: str, goal: Goal) -> Raw:
    """A block of `kind` as it is added: what only staff can know is left empty for them."""
    words, text = _FORM_WORDS.get(goal, ("Fale com a gente", ""))
    empty: Mapping[str, Raw] = {
        "hero": {"headline": "", "action": _act(goal)},
        "offer": {"vehicles": [], "action": _act(goal)},
        "grid": {"heading": "Na loja hoje", "filter": "ordem=recentes", "action": _act(goal)},
        "benefits": {
            "items": [
                {
                    "icon": "check",
                    "title": "O preço que você vê",
                    "text": "O valor da página é o do estoque, lido na hora.",
                },
                {
                    "icon": "pin",
                    "title": "Veja antes de decidir",
                    "text": "O carro está na loja: venha ver com calma.",
                },
            ]
        },
        "testimonial": {"items": [{}]},
        "video": {"heading": "", "youtube": ""},
        "countdown": {"text": "As condições valem", "until": "page"},
        "faq": {"heading": "Perguntas comuns", "items": [{}]},
        "text": {"markdown": ""},
        "form": {"heading": words, "text": text, "action": _act(goal)},
        "legal": {"text": TERMS},
    }
    return {"kind": kind, **empty[kind]}
