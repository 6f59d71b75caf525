"""Words that are wrong in any advertisement."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from flask_babel import gettext as _

from inventory.advertising.findings import CODE, DECREE, PRICE_LAW, Finding, Severity
from inventory.advertising.reading import Advertisement


@dataclass(frozen=True)
class _Phrase:
    """Words that are wrong by themselves."""

    code: str
    severity: Severity
    law: str
    pattern: re.Pattern[str]
    words: Callable[[], str]
    mend: Callable[[], str]


_CREDIT_BUREAU: Final = r"(?:spc|serasa|scpc|boa vista|credito|cadastro|score|orgaos de protecao)"
_PHRASES: Final = (
    _Phrase(
        "from_instalment", Severity.UNLAWFUL, f"{DECREE}, art. 9; {CODE}, arts. 31 e 37",
        re.compile(
            r"\b(?:parcelas?|prestac(?:ao|oes)|mensalidades?)(?:\s+(?:fixas?|mensais))?\s+"
            r"(?:a partir|desde)\b|\ba partir de\s+(?:r\$\s*)?[\d.,]+\s*(?:/\s*mes|por mes|ao mes|"
            r"mensais)|\ba partir de\s+\d{1,3}\s*x\b"
        ),
        lambda: _("“Instalments from …” hides the price."),
        lambda: _("Name the number and the value of the instalments of this offer."),
    ),
    _Phrase(
        "plus_costs", Severity.UNLAWFUL, f"{DECREE}, arts. 2 e 3; {CODE}, art. 31",
        re.compile(
            r"\+\s*(?:o\s+)?(?:frete|taxas?|tarifas?|documenta\w+|emplacamento|despachante|pintura)"
            r"|\b(?:mais|acrescido d[eo])\s+(?:o\s+)?(?:frete|taxas|tarifas|despachante)\b"
            r"|\bfrete\s+(?:nao\s+inclus|a\s+parte|nao\s+inclui|por conta do)"
            r"|\b(?:nao inclui|nao inclus[oa]s?|sem incluir)\s+(?:o\s+)?(?:frete|taxas|tarifas)"
        ),
        lambda: _("The price must be the whole price: nothing is added to it later."),
        lambda: _("Put freight and fees into the price, or say their value and the sum."),
    ),
    _Phrase(
        "no_credit_check", Severity.UNLAWFUL, f"{CODE}, art. 54-C II",
        re.compile(
            r"\bsem\s+(?:nenhuma\s+|qualquer\s+|fazer\s+)?(?:consulta\w*|analise|verificacao)\s*"
            r"(?:(?:ao|aos|a|no|de|do|da)\s+)?" + _CREDIT_BUREAU
            + r"|\bnao\s+(?:consultamos|fazemos\s+consulta|consulta)\s*(?:(?:ao|o|a|no)\s+)?"
            + _CREDIT_BUREAU + r"|\bsem\s+(?:spc|serasa)\b"
            r"|\bsem\s+(?:comprovacao|comprovante|comprovar)\s*(?:de\s+)?renda"
            r"|\bnome\s+sujo|\bnegativad[oa]s?\b[^.\n]{0,40}\b(?:aprov|aceit|financ|compr)"
            r"|\b(?:aprov\w+|aceit\w+|financi\w+)\b[^.\n]{0,40}\b(?:negativad|restricao no nome)"
        ),
        lambda: _("No offer may say that credit is given without checking it."),
        lambda: _("Take it out. “Sujeito a análise de crédito” is right."),
    ),
    _Phrase(
        "sure_approval", Severity.UNLAWFUL, f"{CODE}, arts. 37 e 54-C",
        re.compile(
            r"\b(?:aprovacao|credito|financiamento)\s+(?:100\s*%\s*)?(?:garantid|aprovado\s+na\s+"
            r"hora|automatic|certo\b)|\b100\s*%\s*aprovad|\baprovacao\s+imediata"
        ),
        lambda: _("Nobody can promise that credit is granted."),
        lambda: _("Take it out. “Sujeito a análise de crédito” is right."),
    ),
    _Phrase(
        "price_on_request", Severity.UNLAWFUL, f"{PRICE_LAW}, art. 2 III; {CODE}, art. 31",
        re.compile(
            r"\b(?:preco|valor)e?s?\s*:?\s*(?:sob|a)\s+consulta|(?<!taxas )(?<!condicoes )"
            r"\bsob\s+consulta\b|\bconsulte\s+(?:o\s+|nosso\s+)?(?:preco|valor)"
            r"|\b(?:preco|valor)\s*:?\s*(?:so\s+)?(?:no|na|por|via|pelo)\s*(?:inbox|direct|whats\w*|"
            r"zap|privado|dm|pv|telefone)|\bconsulte[- ]nos\b"
        ),
        lambda: _("A price on request is no price."),
        lambda: _("Say the cash price."),
    ),
    _Phrase(
        "may_change", Severity.UNLAWFUL, f"{CODE}, arts. 30 e 51 XIII",
        re.compile(
            r"\b(?:condic\w+|preco\w*|valor\w*|ofertas?|taxas?|promoc\w+)\b[^.\n]{0,70}"
            r"(?:sem\s+(?:previo\s+)?aviso|a\s+qualquer\s+(?:momento|tempo))"
            r"|\b(?:reserva-?\s*se|reservamos)\b[^.\n]{0,30}direito\s+de\s+(?:alterar|mudar|cancelar)"
        ),
        lambda: _("An offer binds: it cannot change without notice."),
        lambda: _("Say until when it holds instead: válido até 00/00/0000."),
    ),
    _Phrase(
        "no_warranty", Severity.UNLAWFUL, f"{CODE}, arts. 24, 25 e 51 I",
        re.compile(
            r"\bsem\s+(?:nenhuma\s+|qualquer\s+)?garantia\b|\bnao\s+(?:damos|oferecemos|tem|possui)"
            r"\s+garantia\b|\bvend\w+\s+(?:no\s+estado|sem\s+direito\s+a\s+reclama)"
        ),
        lambda: _("The law gives 90 days of warranty on a used car too; no ad takes them away."),
        lambda: _("Take it out, or say what your own warranty adds."),
    ),
    _Phrase(
        "part_warranty", Severity.WARNING, f"{CODE}, arts. 24, 26 e 50",
        re.compile(r"\bgarantia\b[^.\n]{0,30}\b(?:motor\s+e\s+c[aâ]mbio|so\s+de\s+motor)"),
        lambda: _("A warranty of engine and gearbox only adds to the legal 90 days on it all."),
        lambda: _("Say so: além da garantia legal de 90 dias do veículo inteiro."),
    ),
    _Phrase(
        "illustrative", Severity.WARNING, f"{CODE}, arts. 30 e 31",
        re.compile(r"\b(?:fotos?|imagens?|imagem)\b[^.\n]{0,20}\bilustrativas?"),
        lambda: _("Pictures of a used car show that very car."),
        lambda: _("Use the car's own photos and take the remark out."),
    ),
)  # fmt: skip


def forbidden_words(ad: Advertisement) -> Iterator[Finding]:
    for phrase in _PHRASES:
        found = phrase.pattern.search(ad.plain)
        if found and not (phrase.code == "from_instalment" and ad.is_other(found)):
            yield Finding(
                phrase.code,
                phrase.severity,
                phrase.law,
                phrase.words(),
                phrase.mend(),
                ad.excerpt(found),
            )
