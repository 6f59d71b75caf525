"""Invented events as each system sends them; a test changes what it is about."""

from typing import Any


def olx_lead(**changes: Any) -> dict[str, Any]:
    return {
        "source": "whatsapp",
        "adId": "lj1-v204",
        "listId": "1400000001",
        "linkAd": "https://www.olx.com.br/vi/1400000001",
        "name": "Ana Teste",
        "email": "ana@exemplo.com.br",
        "phone": "16999990001",
        "message": "Aceita troca?",
        "createdAt": "2026-11-20T12:00:00.000Z",
        "externalId": "6f0e",
        "adsInfo": {"category": "2020", "fuel": "3", "subject": "Fiat Argo Drive"},
        **changes,
    }


def olx_chat(**changes: Any) -> dict[str, Any]:
    return {
        "chatId": "c-1",
        "message": "Ainda está à venda?",
        "senderType": "buyer",
        "origin": "buyer",
        "email": "ana@exemplo.com.br",
        "name": "Ana Teste",
        "phone": "",
        "messageTimestamp": "2026-11-20T12:00:00.000Z",
        "messageId": "m-1",
        "listId": "1400000001",
        **changes,
    }


def chavesnamao_lead(**changes: Any) -> dict[str, Any]:
    return {
        "id": "900001",
        "name": "Ana Teste",
        "email": "ana@exemplo.com.br",
        "phone": "16999990001",
        "message": None,
        "createdAt": "2026-11-20 09:00:00",
        "sendAt": "2026-11-20 09:00:03",
        "segment": "VEHICLE",
        "proposeTypeName": "Proposta",
        "ad": {
            "id": "700001",
            "title": "Fiat Argo Drive 1.0",
            "reference": "lj1-v204",
            "brand": "Fiat",
            "model": "Argo",
            "trim": None,
            "manufacturedYear": "2021",
            "mileage": "38500",
            "url": "https://www.chavesnamao.com.br/veiculo/700001",
            "value": 64900.0,
        },
        "client": {"name": "Loja Exemplo Ltda", "document": "00.000.000/0001-00"},
        **changes,
    }


def mercadolivre_note(**changes: Any) -> dict[str, Any]:
    return {
        "_id": "f9f08571-1f65-4c46-9e0a-0a0a0a0a0a0a",
        "resource": "/vis/leads/0b1c2d3e",
        "user_id": 468424240,
        "topic": "vis_leads",
        "actions": ["whatsapp"],
        "application_id": 5503910054141466,
        "attempts": 1,
        "sent": "2026-11-20T12:00:00.000Z",
        "received": "2026-11-20T12:00:00.000Z",
        **changes,
    }


def mercadolivre_lead(**changes: Any) -> dict[str, Any]:
    return {
        "id": "0b1c2d3e",
        "item_id": "MLB123456",
        "created_at": "2026-11-20T12:00:00.000Z",
        "contact_type": "whatsapp",
        "external_id": "",
        "status": "new",
        "buyer_id": 777,
        "name": "Ana Teste",
        "email": "ana@exemplo.com.br",
        "phone": "16999990001",
        **changes,
    }


def meta_event(*numbers: str) -> dict[str, Any]:
    """One delivery with a lead per number, each in an entry of its own."""
    return {
        "object": "page",
        "entry": [
            {
                "id": "100",
                "time": 1795176000,
                "changes": [
                    {
                        "field": "leadgen",
                        "value": {
                            "leadgen_id": number,
                            "page_id": "100",
                            "form_id": "200",
                            "ad_id": "300",
                            "created_time": 1795176000,
                        },
                    }
                ],
            }
            for number in numbers
        ],
    }


def meta_lead(number: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "created_time": "2026-11-20T12:00:00+0000",
        "field_data": [
            {"name": "full_name", "values": ["Ana Teste"]},
            {"name": "email", "values": ["ana@exemplo.com.br"]},
            {"name": "phone_number", "values": ["+5516999990001"]},
            {"name": "quando_pretende_comprar?", "values": ["este mês"]},
        ],
        "ad_name": "Argo novembro",
        "campaign_name": "Seminovos",
        "form_id": "200",
        "platform": "ig",
        **changes,
    }


def whatsapp_event(*messages: dict[str, Any], contact: dict[str, Any] | None = None) -> dict:
    person = contact or {"profile": {"name": "Ana Teste"}, "wa_id": "551699990001",
                         "user_id": "BR.0000000001"}  # fmt: skip
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551633330000", "phone_number_id": "2"},
        "contacts": [person],
        "messages": list(messages),
    }
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def whatsapp_message(**changes: Any) -> dict[str, Any]:
    return {
        "from": "551699990001",
        "id": "wamid.TESTE1",
        "timestamp": "1795176000",
        "type": "text",
        "text": {"body": "Ainda tem o Argo?"},
        **changes,
    }


def call(**changes: str) -> dict[str, str]:
    fields = {
        "CallSid": "CA" + "1" * 32,
        "AccountSid": "AC" + "2" * 32,
        "From": "+5516999990001",
        "To": "+551633330000",
        "CallStatus": "ringing",
        "ApiVersion": "2010-04-01",
        "Direction": "inbound",
        "FromCity": "São Carlos",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def adf(*prospects: str) -> str:
    inner = "".join(prospects) or adf_prospect()
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<?adf version="1.0"?>\n<adf>{inner}</adf>'


def adf_prospect(number: str = "L-1", vehicle: str = "lj1-v204", extra: str = "") -> str:
    return f"""
      <prospect status="new">
        <id sequence="1" source="Showroom">{number}</id>
        <requestdate>2026-11-20T09:00:00-03:00</requestdate>
        <vehicle interest="buy" status="used">
          <id sequence="1" source="Showroom">{vehicle}</id>
          <year>2022</year><make>Fiat</make><model>Argo</model><trim>Drive 1.0</trim>
          <price type="asking" currency="BRL">64900</price>
        </vehicle>{extra}
        <customer>
          <contact><name part="full" type="individual">Ana Teste</name>
            <email>ana@exemplo.com.br</email>
            <phone type="voice">+551633330000</phone>
            <phone type="cellphone" time="nopreference">+5516999990001</phone></contact>
          <comments><![CDATA[Aceita troca & financiamento?]]></comments>
        </customer>
        <vendor><contact><name part="full">Loja Exemplo</name></contact></vendor>
        <provider><name part="full" type="business">Showroom</name></provider>
      </prospect>"""
