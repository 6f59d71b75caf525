"""Whether the words on a button say what happens when it is pressed.

A button answers "I want to …": an imperative or a first person, then the thing. Words that fit
any button on any site ("saiba mais", "clique aqui", "enviar") are refused with one that fits.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flask_babel import gettext as _

from core.text import fold


class Goal(StrEnum):
    """The one thing that a page or a story asks for."""

    PROPOSAL = "proposal"
    TEST_DRIVE = "test_drive"
    TRADE_IN = "trade_in"
    FINANCING = "financing"
    CALL_BACK = "call_back"
    WHATSAPP = "whatsapp"


MOST_WORDS: Final = 5  # more are a sentence, not a button


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Forms of verbs, folded: first person, imperative (você and tu) and infinitive.
VERBS: Final[dict[Goal, frozenset[str]]] = {
    Goal.PROPOSAL: _words(
        "quero peca pedir peco solicite solicitar receba receber reserve reservar garanta garantir "
        "aproveite negocie negociar faca fazer escolha escolher veja ver compre comprar consulte "
        "consultar encontre encontrar"
    ),
    Goal.TEST_DRIVE: _words(
        "quero agende agendar marque marcar dirija dirigir reserve reservar experimente "
        "experimentar faca fazer teste testar solicite solicitar peca pedir"
    ),
    Goal.TRADE_IN: _words(
        "quero avalie avaliar troque trocar venda vender descubra descobrir receba receber "
        "solicite solicitar peca pedir calcule calcular faca fazer saiba saber"
    ),
    Goal.FINANCING: _words(
        "quero simule simular calcule calcular financie financiar veja ver descubra descobrir "
        "parcele parcelar solicite solicitar faca fazer consulte consultar"
    ),
    Goal.CALL_BACK: _words(
        "quero peca pedir receba receber solicite solicitar agende agendar me ligue liguem "
        "aguarde marque marcar fale falar"
    ),
    Goal.WHATSAPP: _words(
        "quero fale falar converse conversar chame chamar pergunte perguntar tire tirar peca "
        "pedir mande mandar receba receber inicie iniciar abra abrir"
    ),
}
ALL_VERBS: Final = frozenset().union(*VERBS.values())
# A verb that begins a promise alone says nothing without its object.
GENERIC: Final = frozenset(
    fold(text)
    for text in (
        "saiba mais", "saber mais", "quero saber mais", "leia mais", "ler mais", "veja mais",
        "ver mais", "mais informações", "mais detalhes", "detalhes", "informações", "info",
        "clique aqui", "clique", "clique agora", "clique e confira", "aperte aqui", "toque aqui",
        "aqui", "confira", "confira aqui", "confira já", "confira agora", "conferir", "confirme",
        "enviar", "envie", "enviar agora", "envie agora", "enviar dados", "enviar formulário",
        "enviar mensagem", "submeter", "cadastrar", "cadastre-se", "cadastre-se já", "ok", "ir",
        "continuar", "continue", "avançar", "avance", "próximo", "prosseguir", "entrar", "entre",
        "acesse", "acesse já", "acesse agora", "acessar", "comece", "comece agora", "começar",
        "iniciar", "participe", "participar", "aproveite", "aproveite já", "aproveite agora",
        "não perca", "corra", "descubra", "descubra mais", "conheça", "conheça mais", "conhecer",
        "entre em contato", "contato", "fale conosco", "contate-nos", "visite", "visite o site",
        "sim", "quero", "eu quero", "quero sim", "quero já", "quero agora", "eu quero mais",
        "garanta já", "garanta o seu", "garanta", "inscreva-se", "baixe", "finalizar", "confirmar",
        "submit", "learn more", "click here", "send", "read more", "get started", "sign up",
    )
)  # fmt: skip
GENERIC_STARTS: Final = tuple(
    fold(text) + " "
    for text in (
        "saiba mais", "saber mais", "clique", "confira", "leia mais", "veja mais", "acesse",
        "ver mais", "conheça mais", "descubra mais", "descobrir mais", "quero mais",
        "quero saber mais", "quero ver mais", "receba mais", "receber mais", "toque aqui",
        "aperte",
    )
)  # fmt: skip

# What begins any promise, and what may follow it without saying which.
VAGUE_VERBS: Final = _words(
    "quero peca pedir peco solicite solicitar receba receber garanta garantir aproveite faca fazer "
    "escolha escolher veja ver descubra descobrir saiba saber consulte consultar encontre "
    "encontrar inicie iniciar abra abrir"
)
FILLERS: Final = _words("agora ja mesmo hoje aqui logo aproveitar participar o a os as isso tudo")


@dataclass(frozen=True)
class Verdict:
    """`problem` refuses the text, `advice` only speaks; `suggestion` fits the goal. Empty: fine."""

    problem: str = ""
    advice: str = ""
    suggestion: str = ""

    @property
    def is_refused(self) -> bool:
        return bool(self.problem)


def suggestion_for(goal: Goal) -> str:
    """A button text that fits `goal`."""
    return {
        Goal.PROPOSAL: _("I want a proposal"),
        Goal.TEST_DRIVE: _("Book a test drive"),
        Goal.TRADE_IN: _("Value my car"),
        Goal.FINANCING: _("Simulate my instalments"),
        Goal.CALL_BACK: _("I want a call"),
        Goal.WHATSAPP: _("Talk on WhatsApp"),
    }[goal]


def check(text: str, goal: Goal) -> Verdict:
    """What a reader of pt-BR would say of `text` on a button for `goal`."""
    suggestion = suggestion_for(goal)
    folded = fold(text)
    words = folded.split()
    if not words:
        return Verdict(_("The button says nothing."), suggestion=suggestion)
    if folded in GENERIC or f"{folded} ".startswith(GENERIC_STARTS):
        return Verdict(
            _(
                "“%(text)s” fits any button. Say what happens, such as “%(better)s”.",
                text=text,
                better=suggestion,
            ),
            suggestion=suggestion,
        )
    verb = words[1] if words[0] == "eu" and len(words) > 1 else words[0]
    if verb not in ALL_VERBS:
        return Verdict(
            _(
                "“%(text)s” does not begin with what the visitor does. Try “%(better)s”.",
                text=text,
                better=suggestion,
            ),
            suggestion=suggestion,
        )
    if verb not in VERBS[goal]:
        return Verdict(
            _(
                "“%(text)s” is not what this page is for. Try “%(better)s”.",
                text=text,
                better=suggestion,
            ),
            suggestion=suggestion,
        )
    rest = set(words) - {verb, "eu"}
    if not rest or (verb in VAGUE_VERBS and rest <= FILLERS):
        return Verdict(
            _("“%(text)s” what? Try “%(better)s”.", text=text, better=suggestion),
            suggestion=suggestion,
        )
    if len(words) > MOST_WORDS:
        return Verdict(
            advice=_("“%(text)s” is long for a button: use up to five words.", text=text),
            suggestion=suggestion,
        )
    return Verdict()
