"""Advertisements as dealers write them, right and wrong, and what the law says of each.

(text, price of the car beside it in reais or None, former price or None, codes expected). A code
with "?" is a warning. Words in Portuguese, as they are typed.
"""

WHOLE = (
    "Entrada de R$ 20.000 e 48 parcelas mensais de R$ 1.499,00. Total a prazo R$ 91.952,00. "
    "Juros de 1,49% a.m. (19,42% a.a.), CET de 24,10% a.a. Crédito do Banco Exemplo, sujeito a "
    "análise. Válido até 30/12/2026."
)

RIGHT = [
    ("", None, None),
    ("Onix 1.0 LT 2022 completo, único dono, todas as revisões feitas.", 69_900, None),
    ("R$ 69.900 à vista.", 69_900, None),
    ("Por R$ 69.900,00.", 69_900, None),
    ("De R$ 74.900 por R$ 69.900.", 69_900, 74_900),
    (WHOLE, 69_900, None),
    (f"À vista R$ 69.900. {WHOLE}", None, None),
    (
        "60x mensais de R$ 1.899,90 sem entrada. Total financiado R$ 113.994,00. Taxa 1,89% a.m. e "
        "25,19% a.a. CET 31,40% a.a. Financiado pelo Santander. Oferta válida até 10/01/2027.",
        89_900,
        None,
    ),
    (
        "Taxa zero: entrada de R$ 45.000 + 12x mensais de R$ 3.750,00. Total R$ 90.000. "
        "CET 0,00% a.a. Banco da Montadora. Válida até 31/12/2026.",
        90_000,
        None,
    ),
    ("Aceitamos financiamento, sujeito a análise de crédito.", 69_900, None),
    ("Financiamos em vários bancos. Simule nesta página.", 69_900, None),
    ("Financiamento com consulta ao SPC e ao Serasa.", 69_900, None),
    ("IPVA 2026 pago em 3x de R$ 450,00.", 69_900, None),
    ("Todas as parcelas do IPVA pagas.", 69_900, None),
    ("Tração 4x4, câmbio automático de 6 marchas.", 189_900, None),
    ("Picape 4x2, 2x airbag, 4 portas.", 99_900, None),
    ("Frete incluso para toda a região.", 69_900, None),
    ("Frete grátis até 100 km.", 69_900, None),
    ("Motor Euro 6, norma Proconve L7.", 189_900, None),
    ("Gastos recentes: R$ 3.200 em pneus e revisão.", 69_900, None),
    ("R$ 2.100 abaixo da tabela FIPE.", 69_900, None),
    ("Tabela FIPE R$ 72.000.", 69_900, None),
    ("Bônus de R$ 5.000 na troca do seu usado.", 69_900, None),
    ("Blindagem de R$ 70.000 feita em 2023.", 89_900, None),
    ("Garantia de 1 ano, além da garantia legal de 90 dias.", 69_900, None),
    ("Veículo sem restrições, sem multas e sem débitos.", 69_900, None),
    ("Sem detalhes, sem retoques, laudo cautelar aprovado.", 69_900, None),
    ("Valor já com documentação e emplacamento.", 69_900, None),
    ("Transferência por conta do comprador.", 69_900, None),
    ("Preço válido até 30/12/2026 ou até a venda deste veículo.", 69_900, None),
    ("Importado dos EUA, US$ 30.000 na origem; aqui por R$ 189.900.", 189_900, None),
    ("Seguro a partir de R$ 190 por mês? Cote com a gente.", None, None),
    ("Motor 1.0 de 3 cilindros, 12 válvulas, 82 cv.", 69_900, None),
    ("Feirão de sábado: seminovos com garantia e procedência.", None, None),
    ("Baixou R$ 2.000 esta semana.", 67_900, None),
    ("Sinal de R$ 1.000 devolvido em até 7 dias.", 69_900, None),
    ("R$ 69,9 mil à vista.", 69_900, None),
    ("Ligue e agende um test-drive ainda hoje.", 69_900, None),
]

WRONG = [
    (
        "Só 48x R$ 1.499,00!", 69_900, None,
        "periodicity total_financed rates cet agent validity?",
    ),
    (
        "48 parcelas mensais de R$ 1.499,00", None, None,
        "cash_price total_financed rates cet agent validity?",
    ),
    (WHOLE.replace("mensais ", ""), 69_900, None, "periodicity"),
    (WHOLE.replace("Total a prazo R$ 91.952,00. ", ""), 69_900, None, "total_financed"),
    (WHOLE.replace("Juros de 1,49% a.m. (19,42% a.a.), ", ""), 69_900, None, "rates"),
    (WHOLE.replace("(19,42% a.a.)", ""), 69_900, None, "rates_both?"),
    (WHOLE.replace("CET de 24,10% a.a. ", ""), 69_900, None, "cet"),
    (WHOLE.replace("Crédito do Banco Exemplo, s", "S"), 69_900, None, "agent"),
    (WHOLE.replace(" Válido até 30/12/2026.", ""), 69_900, None, "validity?"),
    (WHOLE, None, None, "cash_price"),
    (WHOLE.replace("91.952", "81.952"), 69_900, None, "total_differs"),
    (
        "Entrada de R$ 10.000 + 48x de R$ 1.499,00 sem juros, mensais. Total R$ 81.952,00. "
        "CET 0% a.a. Banco Exemplo. Válido até 30/12/2026.",
        69_900, None, "zero_interest",
    ),
    (
        "Taxa zero neste sábado!", 69_900, None,
        "instalments total_financed cet agent validity?",
    ),
    (
        "Juros de 0,99% ao mês.", 69_900, None,
        "instalments total_financed rates_both? cet agent validity?",
    ),
    (
        "Parcelas a partir de R$ 899", 69_900, None,
        "from_instalment instalments total_financed rates cet agent validity?",
    ),
    (
        "A partir de R$ 899 por mês.", 69_900, None,
        "from_instalment instalments total_financed rates cet agent validity?",
    ),
    (
        "Em até 60x!", 69_900, None,
        "instalments total_financed rates cet agent validity?",
    ),
    (
        "Entrada de R$ 15.000 e o resto financiado.", 69_900, None,
        "instalments total_financed rates cet agent validity?",
    ),
    ("R$ 69.900 + frete", 69_900, None, "plus_costs"),
    ("R$ 69.900 + taxas e documentação", 69_900, None, "plus_costs"),
    ("Frete não incluso.", 69_900, None, "plus_costs"),
    ("Não inclui frete.", 69_900, None, "plus_costs"),
    ("Financiamento sem consulta ao SPC/Serasa!", 69_900, None, "no_credit_check"),
    ("Crédito sem consulta ao Serasa", None, None, "no_credit_check"),
    ("SEM ANÁLISE DE CRÉDITO", 69_900, None, "no_credit_check"),
    ("Financiamos sem comprovação de renda.", 69_900, None, "no_credit_check"),
    ("Nome sujo? Aqui você sai de carro.", 69_900, None, "no_credit_check"),
    ("Negativado: aprovamos seu crédito.", 69_900, None, "no_credit_check"),
    ("Não consultamos SPC.", 69_900, None, "no_credit_check"),
    ("Crédito aprovado na hora!", 69_900, None, "sure_approval"),
    ("Aprovação garantida.", 69_900, None, "sure_approval"),
    ("Preço sob consulta.", None, None, "price_on_request"),
    ("Valor no direct.", None, None, "price_on_request"),
    ("Consulte o preço com um vendedor.", 69_900, None, "price_on_request"),
    ("Consulte-nos!", None, None, "price_on_request"),
    ("Condições podem mudar sem aviso prévio.", 69_900, None, "may_change"),
    ("Preços sujeitos a alteração a qualquer momento.", 69_900, None, "may_change"),
    ("A loja reserva-se o direito de alterar esta oferta.", 69_900, None, "may_change"),
    ("Vendo por R$ 67.900.", 69_900, None, "price_differs"),
    ("R$ 71.900 à vista", 69_900, None, "price_differs"),
    ("Carro muito novo, R$ 68.500, aceito troca.", 69_900, None, "price_differs?"),
    ("De R$ 89.900 por R$ 69.900.", 69_900, None, "former_price"),
    ("De R$ 79.900 por R$ 69.900.", 69_900, 74_900, "former_price"),
    ("A partir de R$ 69.900", 69_900, None, "from_price"),
    ("US$ 18,000", 69_900, None, "foreign_currency"),
    ("Vendo por 15 mil dólares", None, None, "foreign_currency"),
    ("€ 20.000", None, None, "foreign_currency"),
    ("J\nU\nR\nO\nS\nmuito baixos", 69_900, None, "vertical"),
    ("o f e r t a imperdível", 69_900, None, "vertical"),
    ("Oferta ˢᵘʲᵉⁱᵗᵃ a condições", 69_900, None, "small_letters"),
    ("R$ 69.900*", 69_900, None, "star?"),
    ("Carro vendido no estado, sem garantia.", 69_900, None, "no_warranty"),
    ("Garantia de 3 meses de motor e câmbio.", 69_900, None, "part_warranty?"),
    ("Fotos meramente ilustrativas.", 69_900, None, "illustrative?"),
    ("Sem\u200b consulta ao SPC", 69_900, None, "no_credit_check"),
    ("PREÇO SOB CONSULTA + FRETE", None, None, "plus_costs price_on_request"),
]  # fmt: skip
