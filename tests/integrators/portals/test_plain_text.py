"""Descriptions without anybody's contact in them."""

import pytest

from integrators.portals.plain_text import without_contacts

STREET = "Av. Exemplo, 100"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Revisado. Ligue (16) 3333-0000 e agende. Aceita troca.", "Revisado. Aceita troca."),
        ("Zap 16 99999-0000", ""),
        ("Chame no 16999990000!\nCarro novo.", "Carro novo."),
        ("WhatsApp 99999-0000", ""),
        ("0800 123 4567", ""),
        ("Veja www.loja.com.br/x. Bom carro", "Bom carro"),
        ("Fotos em loja.com.br e @lojaexemplo", ""),
        ("E-mail: contato@exemplo.com.br", ""),
        ("Estamos na Av. Exemplo, 100 - Centro. Venha!", "Venha!"),
        ("CEP 14000-000", ""),
        ("<b>Ótimo</b> estado<br>", "Ótimo estado"),
        # What only looks like one.
        ("Ano 2021/2022, 2021-2022, R$ 64.900,00, 38.500 km", None),
        ("Motor 1.0.Flex, 1998 2000 cc, consumo 12,5 km/l", None),
        ("FIPE 001234-5. IPVA 2026 pago.", None),
    ],
)
def test_contacts_go_with_their_sentence_and_the_rest_stays(text, kept):
    assert without_contacts(text, street=STREET, most=500) == (text if kept is None else kept)


def test_of_a_long_sentence_only_the_contact_goes():
    long = "Carro " + "muito bem cuidado " * 10 + "fone 16 99999-0000 sempre na garagem"
    told = without_contacts(long, most=500)
    assert told.startswith("Carro muito")
    assert told.endswith("fone sempre na garagem")


def test_no_more_than_there_is_room_for():
    assert without_contacts("palavra " * 100, most=50) == " ".join(["palavra"] * 6)
