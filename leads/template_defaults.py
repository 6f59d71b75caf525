"""The texts we ship, in the customers' language. They answer, ask one easy question, and promise
neither a price that does not hold nor a credit that nobody approved."""

from typing import Final

_HELLO: Final = "Oi, {nome|tudo bem}! "

DEFAULTS: Final[tuple[dict[str, str], ...]] = (
    {
        "code": "first_car", "name": "Primeira resposta: carro", "channel": "whatsapp",
        "situation": "first_answer",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Vi que você gostou do {carro}: ele está "
        "disponível hoje por {preco}.\n{link}\n\nQuer que eu te conte os detalhes dele ou prefere "
        "vir ver de perto?",
    },
    {
        "code": "first_test_drive", "name": "Primeira resposta: test drive", "channel": "whatsapp",
        "situation": "first_answer", "kind": "test_drive",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Recebi seu pedido de test drive do "
        "{carro}. Você já fez sua parte, eu cuido do resto: fica melhor de manhã ou à tarde?",
    },
    {
        "code": "first_financing", "name": "Primeira resposta: financiamento",
        "channel": "whatsapp", "situation": "first_answer", "kind": "financing",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Vi a simulação que você fez no site. Para "
        "eu pedir as condições reais ao banco, me diz só uma coisa: a entrada seria em dinheiro "
        "ou com um carro na troca?",
    },
    {
        "code": "first_trade_in", "name": "Primeira resposta: carro na troca",
        "channel": "whatsapp", "situation": "first_answer", "kind": "trade_in",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Obrigado por mandar os dados do seu "
        "carro. O valor certo sai da avaliação aqui na loja, que leva uns 20 minutos. Qual dia "
        "você consegue passar?",
    },
    {
        "code": "first_any", "name": "Primeira resposta: contato", "channel": "whatsapp",
        "situation": "first_answer",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Recebi sua mensagem e vou te atender. "
        "Me conta: o que você procura?",
    },
    {
        "code": "no_answer_car", "name": "Sem resposta: o carro continua aqui",
        "channel": "whatsapp", "situation": "no_answer",
        "body": _HELLO + "É {atendente}, da {loja}. Tentei falar com você sobre o {carro}, que "
        "continua disponível.\n{link}\n\nQual o melhor horário para a gente conversar?",
    },
    {
        "code": "no_answer_any", "name": "Sem resposta: melhor horário", "channel": "whatsapp",
        "situation": "no_answer",
        "body": _HELLO + "É {atendente}, da {loja}. Tentei falar com você e não consegui. Prefere "
        "que eu ligue mais tarde ou que a gente resolva por aqui?",
    },
    {
        "code": "follow_up", "name": "Retomar a conversa", "channel": "whatsapp",
        "situation": "follow_up",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Ficou alguma dúvida que eu possa resolver "
        "para você?",
    },
    {
        "code": "invite", "name": "Convidar para a visita", "channel": "whatsapp",
        "situation": "follow_up",
        "body": _HELLO + "Que tal ver o {carro} de perto, sem compromisso? A gente fica em "
        "{endereco}. Qual dia fica melhor para você?",
    },
    {
        "code": "visit", "name": "Lembrar da visita", "channel": "whatsapp", "situation": "visit",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Te espero {visita}, em {endereco}. Se "
        "precisar mudar, é só me avisar por aqui.",
    },
    {
        "code": "no_show", "name": "Faltou: remarcar", "channel": "whatsapp",
        "situation": "no_show",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Senti sua falta hoje! Imprevistos "
        "acontecem. Quer remarcar? Me diz o dia e eu deixo tudo pronto.",
    },
    {
        "code": "after_visit", "name": "Depois da visita", "channel": "whatsapp",
        "situation": "after_visit",
        "body": _HELLO + "Foi um prazer te receber na {loja}. O que você achou? Se quiser, eu te "
        "ajudo com o próximo passo. {atendente}",
    },
    {
        "code": "proposal", "name": "Proposta: ficou alguma dúvida?", "channel": "whatsapp",
        "situation": "proposal",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Você conseguiu olhar a proposta de "
        "{proposta} para o {carro}? Se algo não encaixou, me fala e vejo o que dá para fazer.",
    },
    {
        "code": "car_sold", "name": "Carro vendido: parecidos", "channel": "whatsapp",
        "situation": "car_sold",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. O {carro} foi vendido, mas tenho "
        "estes parecidos:\n\n{parecidos}\n\nQuer que eu te mande fotos de algum?",
    },
    {
        "code": "goodbye", "name": "Até logo", "channel": "whatsapp", "situation": "goodbye",
        "body": _HELLO + "Não quero te incomodar, então esta é minha última mensagem por enquanto. "
        "Quando fizer sentido, me chama por aqui: estou à disposição. {atendente}, da {loja}",
    },
    {
        "code": "mail_first", "name": "Primeira resposta por e-mail", "channel": "mail",
        "situation": "first_answer", "subject": "Sua mensagem para a {loja}",
        "body": "Olá, {nome|tudo bem}?\n\nAqui é {atendente}, da {loja}. Recebi sua mensagem e vou "
        "cuidar do seu atendimento.\n\nPara eu ajudar melhor: qual o melhor telefone e horário "
        "para falarmos? Se preferir, é só responder a este e-mail.\n\nUm abraço,\n{atendente}",
    },
    {
        "code": "mail_no_answer", "name": "Sem resposta, por e-mail", "channel": "mail",
        "situation": "no_answer", "subject": "Tentei falar com você",
        "body": "Olá, {nome|tudo bem}?\n\nTentei falar com você por telefone e não consegui. Se "
        "ainda quiser conversar, responda a este e-mail com o melhor horário.\n\nUm abraço,\n"
        "{atendente}, da {loja}",
    },
    {
        "code": "mail_proposal", "name": "Proposta, por e-mail", "channel": "mail",
        "situation": "proposal", "subject": "Sua proposta: {carro}",
        "body": "Olá, {nome|tudo bem}?\n\nVocê conseguiu olhar a proposta de {proposta} para o "
        "{carro}? Se ficou alguma dúvida, responda a este e-mail ou passe na {loja}: {endereco}."
        "\n\nUm abraço,\n{atendente}",
    },
    {
        "code": "outreach_first", "name": "Carteira: primeiro contato", "channel": "whatsapp",
        "situation": "outreach", "purpose": "marketing",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Cuido de clientes como você por aqui e "
        "quero ser útil antes de vender. Como está o seu carro hoje: tem algo que eu possa "
        "resolver? Se preferir não receber mensagens, é só responder SAIR.",
    },
    {
        "code": "catch_up", "name": "Pós-venda: como está o carro?", "channel": "whatsapp",
        "situation": "catch_up",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Passei para saber como está o carro. De 1 "
        "a 5, quanto você está feliz com ele e com a gente? Se algo não está certo, me conta que "
        "eu resolvo.",
    },
    {
        "code": "referral_ask", "name": "Pós-venda: pedir indicação", "channel": "whatsapp",
        "situation": "referral", "purpose": "marketing",
        "body": _HELLO + "Aqui é {atendente}, da {loja}. Que bom que deu tudo certo com o carro! "
        "Você tem dois amigos pensando em trocar de carro? Se eles concordarem, me manda o nome e "
        "o telefone que eu cuido bem deles.",
    },
)  # fmt: skip
