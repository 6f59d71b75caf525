"""The demo's own words: articles, testimonials, a story, a page. All made up, and said to be.

Loaded through the verbs that staff use; what is there stays as somebody may have left it.
"""

from typing import Any, Final

import sqlalchemy as sa

from content import consents, documents
from content.documents import ARTICLE, PAGE, STORY
from content.media import MediaItem, prepare_media, record_media
from content.models import Document, Testimonial
from content.testimonials import TestimonialFacts, create_testimonial, publish_testimonial
from core.db import db, writing
from demo.drawing import draw_photo_jpeg

ACTOR: Final = "demo"
COVER_SIZE_PX: Final = (1280, 960)
NOTE: Final = "\n\n> Esta loja, os carros e as pessoas são fictícios e demonstram o sistema."
# What each cover shows: words, body, colour, angle, look.
COVERS: Final = (
    ("SUV cinza visto de frente, em ângulo", "suv", "gray", "three_quarter", 3),
    ("Sedã prata visto de lado", "sedan", "silver", "side", 5),
    ("Picape branca vista de trás, em ângulo", "pickup", "white", "rear", 7),
    ("Hatch vermelho visto de frente, em ângulo", "hatch", "red", "three_quarter", 9),
)
ARTICLES: Final[tuple[dict[str, Any], ...]] = (
    {
        "slug": "o-que-conferir-antes-de-comprar-um-seminovo",
        "title": "O que conferir antes de comprar um seminovo",
        "excerpt": "Sete pontos que você olha em meia hora, na loja ou na rua, e o que cada um diz "
        "sobre o carro.",
        "tags": "Compra, Seminovos",
        "markdown": "Um carro usado conta a própria história. Você só precisa saber onde olhar.\n\n"
        "## Os papéis\n\n- **CRLV-e** em nome de quem vende, ou da loja.\n- Consulta de débitos, "
        "multas e restrições pela placa e pelo RENAVAM.\n- Laudo cautelar recente, com as fotos "
        "da estrutura.\n\n## A lataria e a pintura\n\nOlhe o carro de lado, com luz do dia. "
        "Diferença de tom entre portas costuma ser repintura. Repintura não é defeito, mas o "
        "motivo dela importa.\n\n## O motor frio\n\nPeça para ver o carro **antes** de alguém "
        "ligar. Partida longa, fumaça ou barulho somem depois de quente.\n\n## O test drive\n\n"
        "Faça o caminho que você faz todo dia. Freie, suba uma ladeira, passe numa lombada com o "
        "rádio desligado. [Agende um test drive](/test-drive) no horário que preferir.\n\n"
        "## A quilometragem\n\nBancos, volante e pedais gastos não combinam com 20 mil km. As "
        "revisões carimbadas mostram a quilometragem ano a ano.\n\n## Depois\n\nAnote o que viu e "
        "durma sobre o assunto. Carro bom continua bom amanhã. Veja [o estoque](/estoque).",
    },
    {
        "slug": "como-funciona-o-financiamento-de-um-carro",
        "title": "Como funciona o financiamento de um carro",
        "excerpt": "Entrada, prazo, juros, IOF e CET: o que entra na parcela e como comparar duas "
        "propostas sem se enganar.",
        "tags": "Financiamento, Compra",
        "markdown": "Duas propostas com a mesma parcela podem custar valores muito diferentes no "
        "fim. O número que compara é o **CET**, o custo efetivo total.\n\n## O que entra na "
        "conta\n\n| Item | O que é |\n| --- | --- |\n| Entrada | O que você paga na hora |\n"
        "| Valor financiado | O que falta depois da entrada |\n| Juros | O preço do "
        "dinheiro por mês |\n| IOF | O imposto sobre o crédito |\n| CET | Tudo junto, por ano |\n\n"
        "## Como comparar\n\n1. Use o mesmo valor e o mesmo prazo nas duas propostas.\n2. Compare "
        "o CET e o **total a prazo**, nunca só a parcela.\n3. Pergunte o que acontece se você "
        "quitar antes: os juros futuros saem da conta (CDC, art. 52, § 2º).\n\nNo nosso "
        "[simulador](/financiamento) você vê parcela, total e CET na mesma tela.",
    },
    {
        "slug": "como-preparar-o-carro-para-a-avaliacao",
        "title": "Como preparar o carro para a avaliação",
        "excerpt": "O que vale a pena arrumar antes de trocar ou vender, o que não vale, e os "
        "papéis que adiantam a conversa.",
        "tags": "Troca, Venda",
        "markdown": "Uma hora de preparo evita desconto por impressão.\n\n## Vale a pena\n\n"
        "- Lavar por dentro e por fora e tirar objetos pessoais.\n- Separar manual, chave "
        "reserva e notas das revisões.\n- Calibrar os pneus e trocar lâmpadas queimadas.\n\n"
        "## Não vale a pena\n\nRepintar uma porta riscada ou trocar pneus quase novos. A loja "
        "faz isso mais barato, e o gasto não volta no preço.\n\n## Os papéis\n\nCRLV-e, "
        "comprovante de quitação se o carro foi financiado e um documento seu.\n\n"
        "Pode começar pelo celular: [envie as fotos](/avaliacao) e receba o valor da loja.",
    },
)
TESTIMONIALS: Final = (
    ("Pedi a proposta no almoço e no fim da tarde já estava com o laudo na mão. O carro era "
     "exatamente o das fotos.", "Renata M.", "Campinas", "Comprou um hatch 2021", "2026-09"),
    ("Deram o valor do meu usado por escrito e não mudaram quando cheguei à loja.", "Jorge A.",
     "Ribeirão Preto", "Trocou um sedã por uma picape", "2026-08"),
    ("Fiz o test drive no caminho que faço todo dia. Ninguém ficou insistindo.", "Lívia C.",
     "Belo Horizonte", "Comprou um SUV 2022", "2026-10"),
    ("Faltava um documento e eles avisaram antes de eu sair de casa. Parece pouco, mas economizou "
     "meu sábado.", "Célio T.", "Campinas", "Comprou uma moto", "2026-07"),
    ("A parcela da simulação no site foi a mesma do contrato. Conferi centavo por centavo.",
     "Ana Paula R.", "Ribeirão Preto", "Financiou um sedã 2020", "2026-06"),
    ("Voltei depois de três anos. O vendedor lembrava do meu carro e mostrou as revisões dele.",
     "Wagner S.", "Belo Horizonte", "Segundo carro na loja", "2026-10"),
)  # fmt: skip
STORY_TEXT: Final[dict[str, Any]] = {
    "slug": "renata-ganhou-duas-horas-por-dia",
    "title": "Renata ganhou duas horas por dia",
    "excerpt": "Dois ônibus até o hospital e plantões que terminam de madrugada: o que mudou com "
    "um hatch automático.",
    "quote": "Não era um sonho de carro. Era chegar em casa antes de o meu filho dormir.",
    "person": "Renata M.",
    "city": "Campinas",
    "before": "Enfermeira, dois ônibus na ida, carona incerta na volta. Nos plantões de domingo, "
    "uma hora e quarenta de porta a porta.",
    "turn": "Ela mandou mensagem numa terça à noite com três perguntas: consumo, seguro e se o "
    "carro cabia na vaga dela, de 2,20 m. Medimos o carro e mandamos um vídeo. No **test drive** "
    "ela fez o caminho do hospital.",
    "after": "O caminho leva 35 minutos. O carro antigo da família entrou na troca, com o valor "
    "escrito no primeiro dia. Na revisão dos seis meses ela trouxe bolo.",
    "goal": "test_drive",
    "action": "Agendar um test drive",
}
PAGE_TEXT: Final[dict[str, Any]] = {
    "slug": "garantia-e-vistoria",
    "title": "Garantia e vistoria",
    "markdown": "## A garantia que a lei dá\n\nTodo produto durável tem **90 dias** de garantia "
    "legal, contados da entrega (CDC, art. 26, II). Ela vale para o carro inteiro. Se o defeito "
    "estava escondido, o prazo começa quando ele aparece.\n\n## Como vistoriamos\n\n1. Consulta "
    "de procedência: débitos, restrições, leilão, roubo e recall.\n2. Laudo cautelar da "
    "estrutura, por empresa independente.\n3. Revisão mecânica com lista assinada.\n4. Fotos do "
    "próprio carro, com os defeitos que encontramos.\n\n## Se algo der errado\n\nFale com a "
    "[oficina](/pos-venda) ou com a [loja](/contato). Temos 30 dias para resolver; depois disso "
    "você escolhe entre troca, dinheiro de volta ou desconto (CDC, art. 18, § 1º).",
}


def write_content(*, with_pictures: bool = True) -> None:
    """Articles, testimonials, one story and one page, unless there are some. A door of its own:
    call it outside `writing()`."""
    if db.session.scalar(sa.select(Document.id).limit(1)) is not None:
        return
    covers = _covers() if with_pictures else [{}] * len(COVERS)
    with writing():
        _write_testimonials()
        for words, cover in zip(ARTICLES, covers, strict=False):
            text = {**words, "markdown": words["markdown"] + NOTE, "cover": cover}
            document = _put_up(ARTICLE, text, "Marina Duarte")
            documents.set_tags(document, words["tags"])
        _put_up(PAGE, {**PAGE_TEXT, "markdown": PAGE_TEXT["markdown"] + NOTE}, "")
        _tell_story(covers[-1])


def _put_up(kind: str, values: dict[str, Any], author: str) -> Document:
    document = documents.create_document(kind, values, slug=values["slug"], author=author, by=ACTOR)
    documents.publish_document(document)
    return document


def _write_testimonials() -> None:
    for text, name, city, car, month in TESTIMONIALS:
        facts = TestimonialFacts(text=text, name=name, city=city, car=car, month=month)
        row = create_testimonial(facts, by=ACTOR)
        row.consent = consents.give(
            name, covers_image=True, channel=consents.PAPER, evidence="Pasta da demonstração",
            by=ACTOR,
        )  # fmt: skip
        publish_testimonial(row)


def _tell_story(cover: dict[str, Any]) -> None:
    story = documents.create_document(
        STORY, {**STORY_TEXT, "after": STORY_TEXT["after"] + NOTE, "cover": cover},
        slug=STORY_TEXT["slug"], author="Marina Duarte", by=ACTOR,
    )  # fmt: skip
    said = db.session.scalars(
        sa.select(Testimonial).where(Testimonial.name == STORY_TEXT["person"])
    ).first()
    story.consent = said.consent if said else None
    documents.publish_document(story)


def _covers() -> list[dict[str, Any]]:
    """Pictures for the library, drawn and stored with no transaction open."""
    prepared = []
    for _alt, body, color, angle, look in COVERS:
        data = draw_photo_jpeg(body, color, angle, seed=look, size=COVER_SIZE_PX)
        db.session.rollback()
        prepared.append(prepare_media(data))
    items: list[MediaItem] = []
    with writing():
        for (alt, *_drawn), one in zip(COVERS, prepared, strict=True):
            items.append(record_media(one, title=alt, alt=alt, by=ACTOR))
    return [item.as_photo() for item in items]
