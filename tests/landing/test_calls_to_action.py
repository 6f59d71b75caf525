"""A button says what happens when it is pressed."""

import pytest

from landing.calls_to_action import check, suggestion_for
from landing.goals import Goal

GOOD = {
    Goal.PROPOSAL: [
        "Quero uma proposta",
        "Quero este carro",
        "Peça sua proposta",
        "Receber proposta no WhatsApp",
        "Solicite uma proposta",
        "Reservar por R$ 500",
        "Ver as condições",
        "Eu quero uma proposta",
        "Comprar este carro",
        "Consultar condições",
        "Reserve agora",
    ],
    Goal.TEST_DRIVE: ["Agendar test-drive", "Agendar test drive", "Agende seu test drive",
                      "Quero dirigir este", "Marcar meu test drive", "Solicitar test drive",
                      "Agendar agora"],
    Goal.TRADE_IN: ["Avaliar meu usado", "Quero vender meu carro", "Avalie seu carro",
                    "Descobrir o valor", "Saiba quanto vale seu carro",
                    "Faça sua avaliação"],
    Goal.FINANCING: ["Simular parcelas", "Simule suas parcelas", "Calcular minha parcela",
                     "Faça uma simulação", "Simule já"],
    Goal.CALL_BACK: ["Quero uma ligação", "Me liguem amanhã", "Receber uma ligação",
                     "Falar com um vendedor"],
    Goal.WHATSAPP: ["Falar no WhatsApp", "Chamar no WhatsApp", "Tirar dúvidas agora",
                    "Iniciar conversa no WhatsApp"],
}  # fmt: skip
BAD = [
    "Saiba mais", "SAIBA MAIS!", "  saiba   mais  ", "Sáiba mais", "Saiba mais sobre o carro",
    "Clique aqui", "clique aqui e confira", "Clique", "Enviar", "ENVIAR", "Envie", "Enviar dados",
    "Confira", "Confira as ofertas", "Confira já", "Leia mais", "Veja mais", "Ver mais",
    "Continuar", "Cadastre-se", "Acesse", "Acesse já", "Quero saber mais", "Quero", "Sim", "OK",
    "Aqui", "Entre em contato", "Fale conosco", "Mais informações", "Submit", "Learn more", "→",
    "Quero saber mais sobre o carro", "Quero mais informações", "Receber mais informações",
    "Descubra mais sobre o seu carro", "Aproveite agora mesmo", "Quero aproveitar", "Peça já",
    "Saiba já", "Inicie agora", "", "   ", "!!!", "🚗",
]  # fmt: skip


@pytest.mark.parametrize(
    ("goal", "text"), [(goal, text) for goal, texts in GOOD.items() for text in texts]
)
def test_a_text_that_says_what_happens_passes(app, goal, text):
    verdict = check(text, goal)
    assert not verdict.is_refused, verdict.problem


@pytest.mark.parametrize("goal", Goal)
@pytest.mark.parametrize("text", BAD)
def test_a_text_that_fits_any_button_is_refused_with_one_that_fits(app, goal, text):
    verdict = check(text, goal)
    assert verdict.is_refused
    assert verdict.suggestion == suggestion_for(goal)


@pytest.mark.parametrize(
    ("goal", "text"),
    [
        (Goal.PROPOSAL, "Uma proposta para você"),
        (Goal.PROPOSAL, "Proposta"),
        (Goal.PROPOSAL, "Agendar test drive"),
        (Goal.TEST_DRIVE, "Simular parcelas"),
        (Goal.FINANCING, "Falar no WhatsApp"),
        (Goal.PROPOSAL, "Receber"),
    ],
)
def test_a_text_without_its_verb_or_of_another_goal_is_refused(app, goal, text):
    assert check(text, goal).is_refused


def test_a_sentence_is_advised_against(app):
    verdict = check("Quero receber uma proposta hoje mesmo no WhatsApp", Goal.PROPOSAL)
    assert not verdict.is_refused
    assert verdict.advice


@pytest.mark.parametrize("goal", Goal)
def test_every_suggestion_in_pt_br_passes_its_own_check(app, goal):
    """Once translated; a suggestion that is refused would be a joke."""
    with app.test_request_context():
        suggestion = suggestion_for(goal)
        if suggestion.split()[0] not in {"I", "Book", "Value", "Simulate", "Talk"}:
            assert not check(suggestion, goal).is_refused
