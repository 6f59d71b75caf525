"""The demo's campaign pages: every kind of block, every goal, one that ended, one that will come.

Loaded through the verbs that staff use. A page that is there stays as somebody may have left it.
"""

from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now, today
from core.db import db
from dealership.models import Banner, Store
from inventory.models import Vehicle
from landing import editing
from landing.goals import Goal
from landing.models import LandingPage

ACTOR: Final = "demo"
Block = dict[str, Any]

LEGAL: Final = (
    "Preços à vista, válidos enquanto o veículo estiver no estoque. Fotos ilustram o próprio "
    "veículo. Crédito sujeito a análise. Empresa, carros, preços e depoimentos desta página são "
    "fictícios e servem para demonstrar o sistema."
)
QUOTES: Final = (
    {
        "text": "Pedi a proposta no almoço e no fim da tarde já estava com o laudo na mão. O carro "
        "era exatamente o das fotos.",
        "name": "Renata M.",
        "city": "Campinas",
        "bought": "Comprou um hatch 2021",
        "month": "2026-09",
        "has_permission": True,
    },
    {
        "text": "Deram o valor do meu usado por escrito e não mudaram quando cheguei à loja.",
        "name": "Jorge A.",
        "city": "Ribeirão Preto",
        "bought": "Trocou um sedã por uma picape",
        "month": "2026-08",
        "has_permission": True,
    },
    {
        "text": "Fiz o test drive no caminho que faço todo dia. Ninguém ficou insistindo.",
        "name": "Lívia C.",
        "city": "Belo Horizonte",
        "bought": "Comprou um SUV 2022",
        "month": "2026-10",
        "has_permission": True,
    },
)


def _action(text: str, goal: Goal) -> dict[str, str]:
    return {"text": text, "goal": goal.value}


def _put_up(
    slug: str, name: str, goal: Goal, content: dict[str, Any], store_slug: str = ""
) -> LandingPage:
    store_id = db.session.scalar(sa.select(Store.id).where(Store.slug == store_slug))
    page = editing.create(slug, name, goal, store_id=store_id)
    editing.save_draft(page, content, ACTOR, "Primeira versão")
    editing.publish(page)
    return page


def _banner(position: int, alt: str) -> dict[str, Any] | None:
    """A picture of the home page's banners, where they were drawn."""
    photo = db.session.scalar(sa.select(Banner.photo).where(Banner.position == position))
    names = ("stem", "widths", "formats", "width_px", "height_px", "color")
    return {**{name: photo[name] for name in names}, "alt": alt} if photo else None


def _with_picture(hero: Block, picture: dict[str, Any] | None) -> Block:
    return {**hero, "picture": picture} if picture else hero


def _up_to_70(slug: str) -> LandingPage:
    act = _action("Quero uma proposta", Goal.PROPOSAL)
    return _put_up(
        slug,
        "Seminovos até R$ 70 mil (busca paga)",
        Goal.PROPOSAL,
        {
            "title": "Seminovos até R$ 70 mil com laudo | Quatro Ipês",
            "description": "Carros seminovos até R$ 70 mil, revisados e com laudo cautelar. Veja "
            "fotos e preços de hoje e peça uma proposta pelo WhatsApp.",
            "car_headline": "{carro} seminovo, com laudo e preço de hoje",
            "matches": [
                {
                    "keys": ["automatico", "cambio automatico"],
                    "headline": "Seminovos automáticos até R$ 70 mil",
                },
                {
                    "keys": ["primeiro carro"],
                    "headline": "Seu primeiro carro, até R$ 70 mil e com laudo",
                },
            ],
            "blocks": [
                {
                    "kind": "hero",
                    "headline": "Seminovos até R$ 70 mil, com laudo na mão",
                    "text": "Escolha pelo preço de hoje e receba a proposta no WhatsApp.",
                    "reasons": [
                        "Laudo cautelar entregue antes da compra",
                        "Garantia legal de 90 dias do carro inteiro",
                        "Seu usado entra na troca",
                    ],
                    "action": act,
                },
                {
                    "kind": "form",
                    "heading": "Receba uma proposta",
                    "text": "Só nome e WhatsApp.",
                    "action": act,
                },
                {
                    "kind": "grid",
                    "heading": "Nesta faixa, hoje",
                    "filter": "condicao=seminovo&preco_max=70000",
                    "limit": 6,
                    "action": act,
                },
                {
                    "kind": "benefits",
                    "heading": "O que vem com o carro",
                    "items": [
                        {
                            "icon": "check",
                            "title": "Laudo cautelar",
                            "text": "Estrutura, numeração e histórico conferidos por empresa "
                            "independente.",
                        },
                        {
                            "icon": "search",
                            "title": "Revisão de 60 itens",
                            "text": "Freios, pneus, suspensão e eletrônica, com o relatório para "
                            "você.",
                        },
                        {
                            "icon": "calculator",
                            "title": "Conta aberta",
                            "text": "Preço, IPVA, transferência e parcelas na mesma folha.",
                        },
                    ],
                },
                {"kind": "testimonial", "heading": "Quem comprou conta", "items": list(QUOTES)},
                {
                    "kind": "faq",
                    "heading": "Antes de você perguntar",
                    "items": [
                        {
                            "question": "O preço do site é o preço final?",
                            "answer": "É o preço à vista do carro. Transferência e IPVA do ano "
                            "aparecem discriminados na proposta.",
                        },
                        {
                            "question": "Posso levar meu mecânico?",
                            "answer": "Pode. O carro fica à disposição dele na loja.",
                        },
                        {
                            "question": "Vocês aceitam meu carro na troca?",
                            "answer": "Sim, mesmo financiado. O valor sai por escrito.",
                        },
                    ],
                },
                {"kind": "legal", "text": LEGAL},
            ],
        },
    )


def _suv_test_drive(slug: str) -> LandingPage:
    act = _action("Agendar test drive", Goal.TEST_DRIVE)
    picture = _banner(0, "SUV parado ao entardecer")
    return _put_up(
        slug,
        "Test drive de SUVs",
        Goal.TEST_DRIVE,
        {
            "title": "Test drive de SUV no seu caminho | Quatro Ipês",
            "description": "Dirija o SUV no caminho que você faz todo dia. Escolha o carro, deixe "
            "o WhatsApp e combine dia e hora com a loja.",
            "variants": {
                "a": {"weight": 1},
                "b": {
                    "weight": 1,
                    "headline": "Leve o SUV para um passeio antes de decidir",
                    "action_text": "Marcar meu test drive",
                },
            },
            "blocks": [
                {
                    "kind": "hero",
                    "headline": "Dirija o SUV no caminho que você faz todo dia",
                    "text": "Trinta minutos, sem vendedor no banco de trás.",
                    "reasons": [
                        "Você escolhe o dia e o trajeto",
                        "O carro espera lavado e abastecido",
                        "Nenhum compromisso de compra",
                    ],
                    "action": act,
                },
                {
                    "kind": "form",
                    "heading": "Agende o seu test drive",
                    "text": "A loja chama no WhatsApp para combinar o dia.",
                    "action": act,
                },
                {
                    "kind": "grid",
                    "heading": "SUVs prontos para dirigir",
                    "filter": "carroceria=suv",
                    "limit": 6,
                    "action": act,
                },
                {
                    "kind": "video",
                    "heading": "Como é o nosso test drive",
                    "text": "Vídeo de exemplo: aqui entra o da sua loja.",
                    "youtube": "aqz-KE-bpKQ",  # Big Buck Bunny, a film free for any use
                    **({"picture": picture} if picture else {}),
                },
                {"kind": "testimonial", "items": [QUOTES[2]]},
                {
                    "kind": "faq",
                    "heading": "Sobre o test drive",
                    "items": [
                        {
                            "question": "O que preciso levar?",
                            "answer": "A CNH válida, categoria B.",
                        },
                        {
                            "question": "Posso levar a família?",
                            "answer": "Deve. Leve também a cadeirinha: é ela que diz se cabe.",
                        },
                    ],
                },
                {"kind": "legal", "text": LEGAL},
            ],
        },
    )


def _trade_in(slug: str) -> LandingPage:
    act = _action("Avaliar meu carro", Goal.TRADE_IN)
    hero = {
        "kind": "hero",
        "headline": "Troque de carro e saia com troco",
        "text": "Diga qual é o seu. O primeiro valor chega no WhatsApp.",
        "reasons": [
            "Valor por escrito, válido por sete dias",
            "Carro financiado também entra",
            "Troco por Pix na entrega das chaves",
        ],
        "action": act,
    }
    return _put_up(
        slug,
        "Troca com troco",
        Goal.TRADE_IN,
        {
            "title": "Troca com troco: avalie seu carro | Quatro Ipês",
            "description": "Avalie seu carro pelo WhatsApp, troque por um mais barato e saia com "
            "o troco. Valor por escrito, mesmo para carro financiado.",
            "blocks": [
                _with_picture(hero, _banner(2, "Carros lado a lado no pátio da loja")),
                {
                    "kind": "form",
                    "heading": "Quanto vale o seu?",
                    "text": "O valor chega no WhatsApp.",
                    "action": act,
                },
                {
                    "kind": "text",
                    "heading": "Como funciona",
                    "markdown": "1. **Você descreve o carro.** Marca, modelo e ano bastam para o "
                    "primeiro valor.\n2. **A loja confere.** Uma vistoria de quarenta minutos, "
                    "com você ao lado.\n3. **Você decide.** O valor fica por escrito e vale por "
                    "sete dias.\n\nSe o seu carro vale mais que o próximo, a diferença é *sua* e "
                    "vai por Pix no mesmo dia.",
                },
                {
                    "kind": "benefits",
                    "heading": "O que pesa na avaliação",
                    "items": [
                        {"title": "Tabela FIPE do mês", "text": "É o ponto de partida, à vista."},
                        {"title": "Estado do carro", "text": "Pneus, lataria, revisões em dia."},
                        {"title": "Procura na região", "text": "Modelo procurado vale mais."},
                        {"title": "Documentos", "text": "Multas e IPVA abatidos com recibo."},
                    ],
                },
                {"kind": "testimonial", "items": [QUOTES[1]]},
                {
                    "kind": "faq",
                    "heading": "Dúvidas da troca",
                    "items": [
                        {
                            "question": "E se o meu carro ainda está financiado?",
                            "answer": "Quitamos o saldo com o banco e você recebe a diferença.",
                        },
                        {
                            "question": "O valor muda na loja?",
                            "answer": "Só se o carro for diferente do que foi descrito, e por "
                            "escrito.",
                        },
                    ],
                },
                {"kind": "legal", "text": LEGAL},
            ],
        },
        "ribeirao-preto",
    )


def _offer_of_the_week(slug: str) -> LandingPage | None:
    """The promotion that ends soonest but not today; none without one."""
    public_id = db.session.scalar(
        sa.select(Vehicle.public_id)
        .where(Vehicle.state == "published", Vehicle.promo_price_cents.is_not(None))
        .where(Vehicle.promo_until > today() + timedelta(days=1))
        .order_by(Vehicle.promo_until, Vehicle.id)
        .limit(1)
    )
    if public_id is None:
        return None
    act = _action("Quero este carro", Goal.PROPOSAL)
    return _put_up(
        slug,
        "Oferta da semana",
        Goal.PROPOSAL,
        {
            "title": "Oferta da semana com preço menor | Quatro Ipês",
            "description": "Um carro por semana com preço menor e data para acabar. Veja as "
            "fotos, o preço de hoje, o de antes e até quando vale.",
            "blocks": [
                {
                    "kind": "hero",
                    "headline": "Oferta da semana: preço menor, com data para acabar",
                    "text": "Um carro só. Depois, volta ao preço de antes.",
                    "reasons": ["Preço anterior guardado e à vista", "Laudo cautelar incluído"],
                    "action": act,
                },
                {
                    "kind": "form",
                    "heading": "Garanta a proposta",
                    "text": "A loja confirma por WhatsApp se ele ainda está aqui.",
                    "action": act,
                },
                {
                    "kind": "countdown",
                    "text": "O preço da promoção vale",
                    "until": "promotion",
                },
                {"kind": "offer", "vehicles": [public_id], "action": act},
                {
                    "kind": "benefits",
                    "items": [
                        {"icon": "check", "title": "Laudo antes da compra"},
                        {"icon": "calculator", "title": "Parcelas simuladas na hora"},
                        {"icon": "pin", "title": "Test drive na loja"},
                    ],
                },
                {"kind": "legal", "text": LEGAL},
            ],
        },
    )


def _instalments(slug: str) -> LandingPage:
    act = _action("Simular minhas parcelas", Goal.FINANCING)
    return _put_up(
        slug,
        "Parcelas que cabem (teste A/B da promessa)",
        Goal.FINANCING,
        {
            "title": "Simule parcelas de seminovos | Quatro Ipês",
            "description": "Receba a simulação de mais de um banco com CET, entrada e prazo por "
            "escrito, para o carro que você escolher.",
            "variants": {
                "a": {"weight": 50},
                "b": {"weight": 50, "order": [1, 3, 2, 4, 5, 6]},
            },
            "blocks": [
                {
                    "kind": "hero",
                    "headline": "Saiba a parcela antes de sair de casa",
                    "text": "Simulação de mais de um banco, com CET e prazo por escrito.",
                    "reasons": [
                        "CET à vista, sem letra miúda",
                        "Com ou sem entrada",
                        "Seu usado pode ser a entrada",
                    ],
                    "action": act,
                },
                {
                    "kind": "form",
                    "heading": "Receba a simulação",
                    "text": "Diga só como falar com você.",
                    "action": act,
                },
                {
                    "kind": "grid",
                    "heading": "Carros para simular",
                    "filter": "preco_max=110000&condicao=seminovo&ordem=recentes",
                    "limit": 3,
                    "action": _action("Simular este carro", Goal.FINANCING),
                },
                {
                    "kind": "benefits",
                    "heading": "Sem surpresa no contrato",
                    "items": [
                        {"icon": "calculator", "title": "CET por escrito"},
                        {"icon": "check", "title": "Quitação antecipada com desconto"},
                    ],
                },
                {
                    "kind": "faq",
                    "heading": "Sobre o financiamento",
                    "items": [
                        {
                            "question": "Simular mexe no meu score?",
                            "answer": "Não. A consulta ao banco só é feita se você pedir.",
                        }
                    ],
                },
                {"kind": "legal", "text": LEGAL},
            ],
        },
    )


def _electric(slug: str) -> LandingPage:
    act = _action("Falar no WhatsApp", Goal.WHATSAPP)
    return _put_up(
        slug,
        "Elétricos e híbridos de BH",
        Goal.WHATSAPP,
        {
            "title": "Elétricos e híbridos em BH | Quatro Ipês",
            "description": "Elétricos e híbridos com a autonomia conferida pela loja de Belo "
            "Horizonte. Tire suas dúvidas direto no WhatsApp.",
            "blocks": [
                {
                    "kind": "hero",
                    "headline": "Elétrico ou híbrido? Pergunte a quem dirige um",
                    "text": "A equipe de Belo Horizonte responde sobre recarga e autonomia.",
                    "reasons": [
                        "Bateria testada antes da venda",
                        "Carregador na loja para experimentar",
                    ],
                    "action": act,
                },
                {
                    "kind": "grid",
                    "heading": "No estoque agora",
                    "filter": "combustivel=eletrico&combustivel=hibrido",
                    "limit": 6,
                    "action": _action("Perguntar sobre este", Goal.WHATSAPP),
                },
                {
                    "kind": "benefits",
                    "heading": "O que muda no dia a dia",
                    "items": [
                        {"title": "Recarga em casa", "text": "Uma tomada de 20 A basta à noite."},
                        {"title": "Revisão mais barata", "text": "Sem óleo, velas nem correias."},
                        {"title": "IPVA", "text": "Veja a alíquota do seu estado com a equipe."},
                    ],
                },
                {"kind": "legal", "text": LEGAL},
            ],
        },
        "belo-horizonte",
    )


def _fleet(slug: str) -> LandingPage:
    act = _action("Quero uma ligação", Goal.CALL_BACK)
    hero = {
        "kind": "hero",
        "headline": "Carros para a sua empresa, com uma pessoa só cuidando",
        "text": "Diga quando ligar. A conversa começa pelo uso, não pelo modelo.",
        "reasons": ["Compra direta da fábrica", "Entrega nas três cidades", "Nota em um dia útil"],
        "action": act,
    }
    return _put_up(
        slug,
        "Frota para empresas",
        Goal.CALL_BACK,
        {
            "title": "Frota para empresas | Quatro Ipês",
            "description": "Carros para frota, locadora e profissional autônomo, com uma pessoa "
            "cuidando do pedido à entrega. Escolha a hora da ligação.",
            "blocks": [
                _with_picture(hero, _banner(1, "Carros zero km no pátio")),
                {"kind": "form", "heading": "Peça uma ligação", "action": act},
                {
                    "kind": "text",
                    "heading": "Para quem é",
                    "markdown": "- Empresas com CNPJ ativo, de um carro a cinquenta\n- Produtores "
                    "rurais\n- Taxistas e motoristas de aplicativo\n\nTrazemos as condições de "
                    "venda direta de cada fábrica **na mesma tabela**.",
                },
                {"kind": "legal", "text": LEGAL},
            ],
        },
        "campinas",
    )


def _ended(slug: str) -> LandingPage:
    """A campaign that ended yesterday: its address leads to the nearest offer."""
    page = _put_up(slug, "Feirão de novembro (encerrado)", Goal.PROPOSAL, _fair())
    editing.schedule(page, now() - timedelta(days=12), now() - timedelta(days=1))
    return page


def _fair() -> dict[str, Any]:
    act = _action("Quero uma proposta", Goal.PROPOSAL)
    return {
        "title": "Feirão de novembro de seminovos | Quatro Ipês",
        "description": "Dez dias de seminovos com preço menor nas três lojas. Peça a proposta do "
        "carro que você escolheu pelo WhatsApp.",
        "blocks": [
            {
                "kind": "hero",
                "headline": "Feirão de novembro: dez dias de preço menor",
                "action": act,
            },
            {"kind": "form", "heading": "Receba uma proposta", "action": act},
            {
                "kind": "grid",
                "heading": "No feirão",
                "filter": "condicao=seminovo&ordem=menor-preco",
                "limit": 6,
                "action": act,
            },
            {"kind": "legal", "text": LEGAL},
        ],
    }


def _to_come(slug: str) -> LandingPage:
    """Comes by itself in a week and leaves a week later."""
    act = _action("Quero uma proposta", Goal.PROPOSAL)
    page = editing.create(slug, "Semana do zero km (agendada)", Goal.PROPOSAL)
    starts_at = now().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=7)
    editing.schedule(page, starts_at, starts_at + timedelta(days=7))
    content = {
        "title": "Semana do zero km | Quatro Ipês",
        "description": "Sete dias de carros zero km com condições de fábrica nas três lojas. Peça "
        "a proposta pelo WhatsApp antes que acabe.",
        "blocks": [
            {
                "kind": "hero",
                "headline": "Semana do zero km: condições de fábrica por sete dias",
                "action": act,
            },
            {"kind": "form", "heading": "Receba uma proposta", "action": act},
            {"kind": "countdown", "text": "As condições valem", "until": "page"},
            {
                "kind": "grid",
                "heading": "Zero km à pronta entrega",
                "filter": "condicao=novo",
                "limit": 6,
                "action": act,
            },
            {"kind": "legal", "text": LEGAL},
        ],
    }
    editing.save_draft(page, content, ACTOR, "Primeira versão")
    editing.publish(page)
    return page


_PAGES: Final = {
    "seminovos-ate-70-mil": _up_to_70,
    "test-drive-suv": _suv_test_drive,
    "troca-com-troco": _trade_in,
    "oferta-da-semana": _offer_of_the_week,
    "parcelas-que-cabem": _instalments,
    "eletricos-e-hibridos": _electric,
    "frota-para-empresas": _fleet,
    "feirao-de-novembro": _ended,
    "semana-do-zero-km": _to_come,
}


def found_landing_pages() -> int:
    """Write the demo's pages that are missing; how many. Call it inside `writing()`."""
    there = set(db.session.scalars(sa.select(LandingPage.slug)))
    missing = {slug: make for slug, make in _PAGES.items() if slug not in there}
    return sum(make(slug) is not None for slug, make in missing.items())
