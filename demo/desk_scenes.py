"""What the demo's desk is told from: who writes, what they ask, which way each lead went."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from typing import Final, NamedTuple

from demo.leads import GOOGLE, META

STAFF: Final = ("atendente", "atendente2", "atendente3", "vendedor")


@dataclass(frozen=True)
class Wish:
    """What one person asks, through which door. `minutes` ago, counted on the clock; with
    `is_late`, beyond what the house promises, counted in its working time."""

    source: str
    kind: str
    message: str = ""
    minutes: int = 0
    touch: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    has_phone: bool = True
    has_email: bool = True
    car: str = ""  # the state of the car, if it matters
    is_late: bool = False

    @property
    def actor(self) -> str:
        return f"portal:{self.source}"


@dataclass(frozen=True)
class Scene:
    """One lead: where it stands, and since when."""

    stage: str
    wish: Wish | None = None
    at: datetime = field(kw_only=True)


class Source(NamedTuple):
    """A door by how many come through it."""

    source: str
    kind: str
    touch: Mapping[str, str]
    weight: int


INSTAGRAM: Final = {"source": "instagram", "medium": "social"}
SOURCES: Final = (
    Source("form:oferta", "interest", GOOGLE, 10),
    Source("form:oferta", "interest", INSTAGRAM, 8),
    Source("form:oferta", "interest", {}, 8),
    Source("form:financiamento", "financing", META, 8),
    Source("form:test-drive", "test_drive", GOOGLE, 7),
    Source("form:avaliacao", "trade_in", {}, 5),
    Source("form:ligacao", "call_back", {}, 5),
    Source("form:contato", "contact", {}, 5),
    Source("olx", "interest", {}, 10),
    Source("webmotors", "interest", {}, 9),
    Source("mercadolivre", "interest", {}, 6),
    Source("chavesnamao", "interest", {}, 8),
    Source("meta", "interest", META, 7),
    Source("whatsapp", "contact", {}, 6),
)
WAITING: Final = (
    Wish("whatsapp", "contact", "Oi, tudo bem? O preço é esse mesmo?", 2, has_email=False),
    Wish("form:ligacao", "call_back", "", 5, has_email=False),
    Wish("olx", "interest", "Aceita carro na troca?", 1),
    Wish("form:oferta", "interest", "Consigo ver hoje?", 4, GOOGLE),
    Wish("webmotors", "financing", "Quanto fica em 48 vezes?", 8, has_phone=False),
    Wish("form:test-drive", "test_drive", "", 11, META),
    Wish("form:pos-venda", "service", "Revisão dos 40 mil.", 16),
    Wish("form:oferta", "interest", "Ainda está à venda?", 21, INSTAGRAM, car="sold"),
    Wish(
        "mercadolivre",
        "interest",
        "Qual o valor com IPVA pago?",
        20,
        has_phone=False,
        has_email=False,
        is_late=True,
    ),
    Wish("form:avaliacao", "trade_in", "", 45, is_late=True),
)
# Stage, how many, and how many days ago they wrote (at least, at most).
OPEN: Final = (
    ("returned", 2, (1.1, 2.5)),
    ("woken", 2, (25, 40)),
    ("assigned", 2, (0.002, 0.004)),
    ("trying", 4, (0.3, 2)),
    ("talking", 5, (0.5, 4)),
    ("qualified", 4, (1, 4)),
    ("scheduled", 5, (1.2, 4)),
    ("no_show", 1, (3, 5)),
    ("visited", 2, (4, 6)),
    ("offered", 2, (1, 2)),
    ("with_seller", 2, (3, 6)),
    ("proposal", 4, (6, 12)),
    ("reserved", 1, (8, 12)),
    ("nurture", 4, (8, 30)),
)
CLOSED: Final = (("won", 19), ("lost", 54), ("invalid", 7))

_CONTACTED: Final = ("claimed", "human_contact")
_TALKED: Final = (*_CONTACTED, "talked")
_QUALIFIED: Final = (*_TALKED, "qualified")
_VISITED: Final = (*_QUALIFIED, "booked", "visited")
_HANDED: Final = (*_QUALIFIED, "handoff_offered", "handoff_accepted")
Way = Callable[[random.Random, bool], Sequence[str]]


def _way(*kinds: str) -> Way:
    return lambda _rng, _has_seller: kinds


def _proposed(*end: str) -> Way:
    """Through the seller where there is one, else by the attendant after a visit."""
    return lambda _rng, has_seller: (*(_HANDED if has_seller else _VISITED), "proposal_sent", *end)


def _lost(rng: random.Random, _has_seller: bool) -> Sequence[str]:
    ways = ((*_CONTACTED, "attempted"), _TALKED, _QUALIFIED, _VISITED, (*_VISITED, "proposal_sent"))
    return (*rng.choices(ways, (5, 6, 4, 3, 2))[0], "lost")


# What happens to a lead on its way to each stage, in order.
WAYS: Final[Mapping[str, Way]] = {
    "waiting": _way(),
    "returned": _way(*_TALKED, "returned"),
    "woken": _way(*_TALKED, "slept", "woke"),
    "assigned": _way("claimed"),
    "trying": _way(*_CONTACTED),
    "talking": _way(*_TALKED),
    "qualified": _way(*_QUALIFIED),
    "scheduled": _way(*_QUALIFIED, "booked"),
    "no_show": _way(*_QUALIFIED, "booked", "no_show"),
    "visited": _way(*_VISITED),
    "offered": _way(*_QUALIFIED, "handoff_offered"),
    "with_seller": _way(*_HANDED),
    "proposal": _proposed(),
    "reserved": _proposed("reserved"),
    "nurture": _way(*_TALKED, "slept"),
    "won": _proposed("won"),
    "lost": _lost,
    "invalid": _way("claimed", "marked_invalid"),
}
# The step that is planned next for what is in hand.
NEXT: Final = {
    "trying": "retry",
    "talking": "message",
    "qualified": "call",
    "visited": "follow_up",
    "with_seller": "propose",
    "proposal": "follow_proposal",
}
# Working minutes from one event to the next, at least and at most.
GAPS: Final = {
    "claimed": (1, 9),
    "human_contact": (1, 7),
    "talked": (4, 200),
    "qualified": (3, 40),
    "booked": (2, 20),
    "attempted": (60, 500),
    "handoff_accepted": (1, 14),
    "proposal_sent": (20, 400),
    "reserved": (60, 400),
    "won": (120, 1500),
    "lost": (300, 2400),
}
# Need, trade-in, payment.
NEEDS: Final = (
    ("SUV automático para a família, até 120 mil", "Onix 2019", "financiado, 30% de entrada"),
    ("Primeiro carro, econômico, para a cidade", "", "à vista até 60 mil"),
    ("Picape para o sítio, de preferência a diesel", "Strada 2017", "troca com troco"),
    ("Sedã confortável para aplicativo", "", "consórcio contemplado"),
    ("Carro maior, nasce o segundo filho em março", "HB20 2021", "financiado em 48 vezes"),
    ("Trocar por um mais novo, com câmbio automático", "Argo 2020", "à vista e troca"),
)  # fmt: skip
MESSAGES: Final = (
    "", "", "Ainda está disponível?", "Aceita troca?", "Qual o menor valor à vista?",
    "Tem laudo cautelar?", "Consigo financiar sem entrada?", "Posso ver no sábado?",
    "Quantos donos teve?", "Fazem entrega em outra cidade?", "Qual o valor da parcela?",
)  # fmt: skip
_FIRST: Final = (
    "Adriana", "Bruno", "Camila", "Diego", "Elaine", "Felipe", "Giovana", "Heitor", "Isadora",
    "João Pedro", "Karina", "Leandro", "Mariana", "Nelson", "Olívia", "Paulo", "Quitéria",
    "Rafael", "Simone", "Tiago", "Vanessa", "Wesley", "Yara", "Zélia",
)  # fmt: skip
_LAST: Final = (
    "Abrantes", "Bittencourt", "Cardoso", "Dantas", "Esteves", "Fagundes", "Guimarães",
    "Holanda", "Jardim", "Lacerda", "Macedo", "Novaes", "Peixoto", "Quintão", "Rezende",
    "Sarmento", "Toledo", "Valadares", "Xavier", "Zanetti",
)  # fmt: skip
LONG_NAME: Final = "Maria Aparecida dos Santos Albuquerque de Vasconcelos e Souza Figueiredo Neta"


def names(rng: random.Random) -> Iterator[str]:
    """Invented names, no two alike; one of them is very long, as some are."""
    pairs = [f"{first} {last}" for first, last in product(_FIRST, _LAST)]
    rng.shuffle(pairs)
    yield from [*pairs[:20], LONG_NAME, *pairs[20:]]
