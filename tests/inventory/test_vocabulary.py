"""Every usual way to write a word of the trade is read; addresses and labels stay put."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import fold, slugify_name
from inventory import vocabulary
from inventory.vocabulary import codes, from_public, label, public_value, read_code

# The labels buyers see in pt-BR: an import must read back what a page or an export shows.
LABELS = {
    "fuel": {
        "gasoline": "Gasolina",
        "ethanol": "Etanol (Álcool)",
        "flex": "Flex",
        "diesel": "Diesel",
        "cng_flex": "Flex + GNV",
        "cng": "GNV",
        "electric": "Elétrico",
        "hybrid": "Híbrido (HEV)",
        "hybrid_flex": "Híbrido flex",
        "plugin_hybrid": "Híbrido plug-in (PHEV)",
        "mild_hybrid": "Híbrido leve (MHEV)",
    },
    "transmission": {
        "manual": "Manual",
        "automatic": "Automático",
        "automated": "Automatizado",
        "cvt": "Automático CVT",
        "dct": "Automatizado dupla embreagem",
        "semi_automatic": "Semiautomático",
        "single_speed": "Direta (elétrico)",
    },
    "body": {
        "hatch": "Hatch",
        "sedan": "Sedã",
        "suv": "SUV",
        "pickup": "Picape",
        "pickup_cd": "Picape cabine dupla",
        "wagon": "Perua/SW",
        "minivan": "Minivan",
        "van": "Van/Furgão",
        "coupe": "Cupê",
        "convertible": "Conversível",
        "crossover": "Crossover",
        "buggy": "Buggy",
        "motorcycle": "Moto",
        "truck": "Caminhão",
    },
    "color": {
        "yellow": "Amarelo",
        "blue": "Azul",
        "beige": "Bege",
        "white": "Branco",
        "gray": "Cinza",
        "gold": "Dourado",
        "burgundy": "Grená/Vinho",
        "orange": "Laranja",
        "brown": "Marrom",
        "silver": "Prata",
        "black": "Preto",
        "pink": "Rosa",
        "purple": "Roxo",
        "green": "Verde",
        "red": "Vermelho",
        "multicolor": "Fantasia",
    },
    "condition": {"new": "Zero km / Novo", "used": "Usado"},
    "state": {
        "draft": "Rascunho",
        "published": "Publicado",
        "reserved": "Reservado",
        "sold": "Vendido",
        "archived": "Arquivado",
    },
    "history": {
        "single_owner": "Único dono",
        "service_history": "Todas as revisões feitas",
        "manufacturer_warranty": "Garantia de fábrica",
        "ipva_paid": "IPVA pago",
        "licensed": "Licenciado",
        "armored": "Blindado",
        "collector": "Colecionador",
        "auction": "Passagem por leilão",
        "insurance_recovered": "Recuperado de sinistro",
        "pcd": "Adaptado PcD",
        "financed": "Alienado",
        "accepts_trade": "Aceita troca",
    },
    "feature": {
        "air_conditioning": "Ar-condicionado",
        "digital_ac": "Ar digital",
        "dual_zone_ac": "Ar dual zone",
        "power_steering": "Direção assistida",
        "power_windows": "Vidros elétricos",
        "power_locks": "Travas elétricas",
        "power_mirrors": "Retrovisores elétricos",
        "alarm": "Alarme",
        "abs": "Freios ABS",
        "airbag": "Airbag",
        "side_airbag": "Airbag lateral",
        "curtain_airbag": "Airbag de cortina",
        "esc": "Controle de estabilidade",
        "traction_control": "Controle de tração",
        "hill_assist": "Assistente de rampa",
        "isofix": "ISOFIX",
        "alloy_wheels": "Rodas de liga leve",
        "fog_lights": "Farol de neblina",
        "led_headlights": "Farol de LED",
        "xenon": "Farol de xenônio",
        "drl": "Luz diurna",
        "rain_sensor": "Sensor de chuva",
        "light_sensor": "Sensor crepuscular",
        "parking_sensor": "Sensor de estacionamento",
        "rear_camera": "Câmera de ré",
        "camera_360": "Câmera 360°",
        "park_assist": "Assistente de estacionamento",
        "cruise_control": "Piloto automático",
        "adaptive_cruise": "Piloto automático adaptativo (ACC)",
        "lane_assist": "Assistente de faixa",
        "blind_spot": "Alerta de ponto cego",
        "aeb": "Frenagem automática de emergência",
        "leather_seats": "Bancos de couro",
        "heated_seats": "Bancos aquecidos",
        "power_seat": "Banco elétrico",
        "height_seat": "Banco com ajuste de altura",
        "split_seat": "Banco bipartido",
        "multimedia": "Central multimídia",
        "carplay": "Apple CarPlay",
        "android_auto": "Android Auto",
        "bluetooth": "Bluetooth",
        "usb": "Entrada USB",
        "gps": "GPS",
        "onboard_computer": "Computador de bordo",
        "steering_controls": "Volante multifuncional",
        "paddle_shift": "Paddle shift",
        "sunroof": "Teto solar",
        "panoramic_roof": "Teto panorâmico",
        "keyless_entry": "Chave presencial",
        "push_start": "Partida por botão",
        "remote_start": "Partida remota",
        "roof_rack": "Rack de teto",
        "tow_hitch": "Engate",
        "bed_cover": "Capota marítima",
        "start_stop": "Start-stop",
        "wireless_charger": "Carregador por indução",
        "head_up_display": "Head-up display",
        "power_tailgate": "Porta-malas elétrico",
        "spare_tire": "Estepe",
        "immobilizer": "Imobilizador",
    },
}
EVERY_LABEL = [(kind, code, text) for kind, texts in LABELS.items() for code, text in texts.items()]
EVERY_CODE = [(kind, code) for kind in vocabulary.KINDS for code in codes(kind)]


@pytest.mark.parametrize("kind", LABELS)
def test_no_code_is_missing_or_extra(kind):
    assert set(codes(kind)) == set(LABELS[kind])


@pytest.mark.parametrize(("kind", "code", "text"), EVERY_LABEL)
def test_labels_are_read_in_any_case_and_accent(kind, code, text):
    for typed in (text, text.upper(), text.lower(), fold(text), f"  {text} "):
        assert read_code(kind, typed) == code


@pytest.mark.parametrize(("kind", "code"), EVERY_CODE)
def test_codes_and_public_values_are_read(kind, code):
    assert read_code(kind, code) == code
    assert read_code(kind, public_value(kind, code)) == code
    assert read_code(kind, code.upper().replace("_", " ")) == code


@pytest.mark.parametrize(("kind", "code"), EVERY_CODE)
def test_public_values_are_slugs_and_lead_back(kind, code):
    value = public_value(kind, code)
    assert value == slugify_name(value)
    assert from_public(kind, value) == code


@pytest.mark.parametrize(("kind", "code"), EVERY_CODE)
def test_every_code_has_a_label(kind, code):
    assert str(label(kind, code))


@pytest.mark.parametrize("kind", vocabulary.KINDS)
def test_no_two_codes_share_a_label_or_a_public_value(kind):
    assert len({str(label(kind, code)) for code in codes(kind)}) == len(codes(kind))
    assert len({public_value(kind, code) for code in codes(kind)}) == len(codes(kind))


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("fuel", "Gasolina e Álcool", "flex"),
        ("fuel", "Gasolina/Etanol", "flex"),
        ("fuel", "ÁLCOOL / GASOLINA", "flex"),
        ("fuel", "Total Flex", "flex"),
        ("fuel", "Bi-Combustível", "flex"),
        ("fuel", "Alcool", "ethanol"),
        ("fuel", "ALCOHOL", "ethanol"),
        ("fuel", "Gasolina e gás natural", "cng"),
        ("fuel", "GNV+GASOLINE", "cng"),
        ("fuel", "GNV+FLEX", "cng_flex"),
        ("fuel", "GNV e Flex", "cng_flex"),
        ("fuel", "Gasolina-Álcool e gás natural", "cng_flex"),
        ("fuel", "Gasolina e elétrico", "hybrid"),
        ("fuel", "Híbrido/Flex", "hybrid_flex"),
        ("fuel", "PLUGIN_HYBRID", "plugin_hybrid"),
        ("fuel", "ELETRIC", "electric"),
        ("fuel", "Bateria", "electric"),
        ("transmission", "AUT", "automatic"),
        ("transmission", "aut.", "automatic"),
        ("transmission", "Automatico CVT", "cvt"),
        ("transmission", "Automática sequencial", "automatic"),
        ("transmission", "Câmbio Automático de 6 marchas", "automatic"),
        ("transmission", "AT6", "automatic"),
        ("transmission", "Manual 5 marchas", "manual"),
        ("transmission", "Mecânico", "manual"),
        ("transmission", "Semi-automático", "semi_automatic"),
        ("transmission", "Dupla Embreagem", "dct"),
        ("body", "Seda", "sedan"),
        ("body", "sedan", "sedan"),
        ("body", "HATCHBACK", "hatch"),
        ("body", "Pick-Up", "pickup"),
        ("body", "PICKUP CABINE DUPLA", "pickup_cd"),
        ("body", "Utilitário Esportivo", "suv"),
        ("body", "Coupé", "coupe"),
        ("body", "Furgão", "van"),
        ("body", "Monovolume", "minivan"),
        ("body", "Caminhão leve", "truck"),
        ("color", "Prateada", "silver"),
        ("color", "Preta", "black"),
        ("color", "Branco Polar", "white"),
        ("color", "Cinza-escuro", "gray"),
        ("color", "Prata metálico", "silver"),
        ("color", "PEARL_WHITE", "white"),
        ("color", "Bordô", "burgundy"),
        ("condition", "0 KM", "new"),
        ("condition", "0km", "new"),
        ("condition", "Zero quilômetro", "new"),
        ("condition", "Semi-novo", "used"),
        ("condition", "Seminova", "used"),
        ("condition", "semi_new", "used"),
        ("condition", "Demonstração", "used"),
        ("state", "Vendida", "sold"),
        ("feature", "air bag", "airbag"),
        ("feature", "Arcondicionado", "air_conditioning"),
        ("feature", "Direção Hidráulica", "power_steering"),
        ("feature", "Trava elétrica", "power_locks"),
        ("feature", "Sensor de ré", "parking_sensor"),
        ("feature", "Start & Stop", "start_stop"),
        ("feature", "Retrovisor Elétrico", "power_mirrors"),
        ("history", "PCD", "pcd"),
        ("history", "IPVA Pago", "ipva_paid"),
    ],
)
def test_spellings_of_real_sources_are_read(kind, text, code):
    assert read_code(kind, text) == code


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("fuel", "Outro"),
        ("fuel", ""),
        ("fuel", "-"),
        ("transmission", "5 marchas"),
        ("transmission", "Câmbio"),
        ("body", "Barco"),
        ("color", "Branco e preto"),
        ("color", "Outra"),
        ("condition", "Quebrado"),
        ("state", "Perdido"),
        ("feature", "Tapete persa"),
    ],
)
def test_what_is_unknown_or_ambiguous_is_none_never_a_guess(kind, text):
    assert read_code(kind, text) is None


@pytest.mark.parametrize(
    ("kind", "code", "value"),
    [
        ("fuel", "flex", "flex"),
        ("fuel", "gasoline", "gasolina"),
        ("transmission", "automatic", "automatico"),
        ("body", "sedan", "seda"),
        ("color", "black", "preto"),
        ("condition", "new", "novo"),
        ("condition", "used", "seminovo"),
        ("state", "published", "publicado"),
        ("state", "draft", "rascunho"),
        ("state", "reserved", "reservado"),
        ("state", "sold", "vendido"),
        ("feature", "air_conditioning", "ar-condicionado"),
    ],
)
def test_public_values_are_a_promise(kind, code, value):
    assert public_value(kind, code) == value


def test_public_values_are_exact():
    assert from_public("fuel", "Flex") is None
    assert from_public("fuel", "gasoline") is None
    assert from_public("color", "") is None


def test_features_stand_in_known_groups():
    used = {vocabulary.feature_group(code) for code in codes("feature")}
    assert used == set(codes("feature_group")) - {"other"}


def test_a_feature_without_a_code_keeps_its_own_words():
    assert label("feature", "Tapete persa") == "Tapete persa"
    assert public_value("feature", "Tapete persa") == "Tapete persa"
    assert vocabulary.feature_group("Tapete persa") == "other"


def test_only_a_new_vehicle_is_new_to_search_engines():
    assert vocabulary.schema_org_value("condition", "new") == "https://schema.org/NewCondition"
    assert vocabulary.schema_org_value("condition", "used") == "https://schema.org/UsedCondition"
    assert vocabulary.schema_org_value("fuel", "flex") is None


def test_spellings_are_folded_and_read_back():
    for kind in vocabulary.KINDS:
        for spelling, code in vocabulary.spellings(kind).items():
            assert spelling == fold(spelling)
            assert read_code(kind, spelling) == code


@given(st.sampled_from(vocabulary.KINDS), st.text(max_size=40))
def test_any_text_is_read_without_an_error(kind, text):
    assert read_code(kind, text) in (None, *codes(kind))


def test_an_unknown_kind_is_a_mistake_of_the_caller():
    with pytest.raises(KeyError):
        read_code("smell", "new car")
