"""The words of the trade: stored codes, shown labels, spellings typed, values in addresses.

A code is English and never changes. Its label is a message that the catalogue translates. Its
public value stands in query strings and in the stock CSV. Sources write all of it in their own
way, so reading goes through `read_code`, which knows the usual spellings in any case and accent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from core.text import fold


@dataclass(frozen=True, slots=True)
class Term:
    """One word: `public` is its value in addresses, `spellings` are further ways to write it,
    parted by `|` and folded when read. `group` is only for features."""

    code: str
    label: LazyString
    public: str
    spellings: str = ""
    group: str = ""


_FUEL: Final = (
    Term("flex", _l("Flex fuel"), "flex",
         "flex fuel|total flex|flexfuel|bicombustível|bi-combustível|bi combustivel|"
         "gasolina e álcool|álcool e gasolina|gasolina e etanol|etanol e gasolina|"
         "gasolina etanol álcool|ethanol gasoline|gasoline ethanol"),
    Term("gasoline", _l("Gasoline"), "gasolina", "gasolina comum|petrol|gasol"),
    Term("ethanol", _l("Ethanol"), "etanol", "álcool|etanol (álcool)|alcohol|alc"),
    Term("diesel", _l("Diesel"), "diesel", "óleo diesel|diesel s10|dies"),
    Term("cng_flex", _l("Flex and CNG"), "flex-gnv",
         "flex + gnv|gnv flex|tetrafuel|flex e gás natural|gnv e flex|gasolina álcool gnv|"
         "álcool gasolina gnv|gasolina etanol gnv|gasolina álcool e gás natural|"
         "gasolina-álcool e gás natural|gasolina, álcool, gás natural e benzina"),
    # A petrol car with a gas kit: 'Flex + GNV' would be false of it, 'GNV' is true.
    Term("cng", _l("CNG"), "gnv",
         "gás natural|gás natural veicular|natural gas|gasolina e gnv|gnv e gasolina|"
         "gasolina e gás natural|álcool e gnv|etanol e gnv|gnv e etanol|gasoline_cng|ethanol_cng|"
         "cng gasoline|gnv gasoline|gnv ethanol"),
    Term("hybrid", _l("Hybrid"), "hibrido",
         "híbrido (HEV)|HEV|híbrida|híbrido/gasolina|gasolina e elétrico|gasolina/elétrica|"
         "gasolina e híbrido|elétrico e gasolina|híbrido/diesel|full hybrid"),
    Term("hybrid_flex", _l("Flex hybrid"), "hibrido-flex",
         "flex híbrido|flex hybrid|híbrida flex|flex e elétrico|híbrido/flex (HEV)"),
    Term("plugin_hybrid", _l("Plug-in hybrid"), "hibrido-plug-in",
         "híbrido plug-in (PHEV)|PHEV|plug-in|plug-in hybrid|híbrida plug-in|"
         "plugin hybrid|híbrido plugin"),
    Term("mild_hybrid", _l("Mild hybrid"), "hibrido-leve",
         "híbrido leve (MHEV)|MHEV|mild hybrid|híbrida leve|micro-híbrido|semi-híbrido"),
    Term("electric", _l("Electric"), "eletrico",
         "elétrica|BEV|EV|100% elétrico|totalmente elétrico|bateria|eletric"),
)  # fmt: skip

_TRANSMISSION: Final = (
    Term("manual", _l("Manual"), "manual", "mecânico|mecânica|MT|mec|man"),
    Term("automatic", _l("Automatic"), "automatico",
         "automática|AT|AUT|auto|automat|automático sequencial|automática sequencial|tiptronic|"
         "automático tiptronic|automatic transmission|hidramático"),
    Term("cvt", _l("Automatic CVT"), "cvt",
         "automático CVT|automática CVT|AUT CVT|CVT automático|continuamente variável|"
         "continuously variable|transmissão continuamente variável"),
    Term("automated", _l("Automated manual"), "automatizado",
         "automatizada|AMT|robotizado|robotizada|automatizado de embreagem simples|"
         "automated manual"),
    Term("dct", _l("Dual-clutch automated"), "dupla-embreagem",
         "automatizado dupla embreagem|automatizada dupla embreagem|automático dupla embreagem|"
         "automática dupla embreagem|dual clutch|DSG|PDK"),
    Term("semi_automatic", _l("Semi-automatic"), "semiautomatico",
         "semi-automático|semi-automática|semi automatic|semi aut"),
    Term("single_speed", _l("Direct drive"), "direta",
         "direta (elétrico)|direto|direct drive|velocidade única|single speed|redução única"),
)  # fmt: skip

_BODY: Final = (
    Term("hatch", _l("Hatchback"), "hatch", "hatchback|hatch back|hatch compacto|hatch médio"),
    Term("sedan", _l("Sedan"), "seda", "sedã|sedan|saloon|sedã compacto|sedã médio"),
    Term("suv", _l("SUV"), "suv",
         "utilitário esportivo|SUV/utilitário esportivo|SUV utilitário esportivo|jipe|off-road"),
    Term("pickup", _l("Pickup"), "picape",
         "pick-up|picape cabine simples|pick-up cabine simples|picape CS|caminhonete|camionete|"
         "caminhoneta|cabine simples|picape cabine estendida"),
    Term("pickup_cd", _l("Double-cab pickup"), "picape-cabine-dupla",
         "pick-up cabine dupla|picape CD|pick-up CD|cabine dupla|caminhonete cabine dupla|"
         "double cab|double cab pickup|crew cab"),
    Term("wagon", _l("Station wagon"), "perua",
         "perua/SW|SW|station wagon|estate"),
    Term("minivan", _l("Minivan"), "minivan", "mini van|monovolume|MPV"),
    Term("van", _l("Van"), "van",
         "van/furgão|furgão|furgoneta|van/utilitário|minibus|micro-ônibus|panel van"),
    Term("coupe", _l("Coupe"), "cupe", "cupê|coupé"),
    Term("convertible", _l("Convertible"), "conversivel",
         "conversível|cabriolet|cabrio|roadster|spider|spyder"),
    Term("crossover", _l("Crossover"), "crossover", "cross over"),
    Term("buggy", _l("Buggy"), "buggy", "bugue|bugre|bugui"),
    Term("motorcycle", _l("Motorcycle"), "moto",
         "motocicleta|motociclo|motorbike|scooter|motoneta"),
    Term("truck", _l("Truck"), "caminhao", "caminhão|caminhão leve|cavalo mecânico"),
)  # fmt: skip

_COLOR: Final = (
    Term("white", _l("White"), "branco", "branca|metallic white|pearl white"),
    Term("black", _l("Black"), "preto", "preta|negro|negra"),
    Term("silver", _l("Silver"), "prata", "prateado|prateada"),
    Term("gray", _l("Gray"), "cinza", "grey|grafite|chumbo|lead|graphite"),
    Term("red", _l("Red"), "vermelho", "vermelha|escarlate"),
    Term("blue", _l("Blue"), "azul", "marinho"),
    Term("brown", _l("Brown"), "marrom", "castanho|castanha|café|chocolate"),
    Term("beige", _l("Beige"), "bege", "areia|creme|marfim"),
    Term("green", _l("Green"), "verde", ""),
    Term("yellow", _l("Yellow"), "amarelo", "amarela"),
    Term("orange", _l("Orange"), "laranja", "alaranjado|alaranjada"),
    Term("gold", _l("Gold"), "dourado", "dourada|ouro|golden"),
    Term("burgundy", _l("Burgundy"), "vinho", "grená|grená/vinho|bordô|bordeaux|wine"),
    Term("pink", _l("Pink"), "rosa", ""),
    Term("purple", _l("Purple"), "roxo", "roxa|violeta|lilás"),
    Term("multicolor", _l("Multicolor"), "fantasia",
         "multicolorido|multicolorida|multicolored|multicor|várias cores|bicolor"),
)  # fmt: skip

# 'Seminovo' is a market word for used, and a demonstration car has had a first owner: neither is
# ever new.
_CONDITION: Final = (
    Term("new", _l("Brand new"), "novo",
         "nova|zero|zero km|0 km|0km|zero quilômetro|0 quilômetro|zero km / novo|n"),
    Term("used", _l("Pre-owned"), "seminovo",
         "seminova|semi-novo|semi novo|semi nova|semi_new|usado|usada|u|pre-owned|certificado|"
         "certified|cpo|demo|demonstração|test-drive|demonstração/test-drive"),
)  # fmt: skip

_STATE: Final = (
    Term("draft", _l("Draft"), "rascunho", ""),
    Term("published", _l("Published"), "publicado",
         "publicada|ativo|ativa|active|disponível|available"),
    Term("reserved", _l("Reserved"), "reservado", "reservada"),
    Term("sold", _l("Sold"), "vendido", "vendida"),
    Term("archived", _l("Archived"), "arquivado", "arquivada"),
)  # fmt: skip

_HISTORY: Final = (
    Term("single_owner", _l("Single owner"), "unico-dono", "único proprietário|one owner"),
    Term("service_history", _l("All services done"), "todas-as-revisoes-feitas",
         "revisões feitas|todas as revisões|revisado|revisões em dia|"
         "todas as revisões feitas pela concessionária|revisões em concessionária"),
    Term("manufacturer_warranty", _l("Manufacturer's warranty"), "garantia-de-fabrica",
         "na garantia|garantia do fabricante|com garantia"),
    Term("ipva_paid", _l("Road tax (IPVA) paid"), "ipva-pago", "IPVA quitado|IPVA OK"),
    Term("licensed", _l("Licensing up to date"), "licenciado", "licenciamento em dia|licenciada"),
    Term("armored", _l("Armored"), "blindado", "blindada|blindagem|armoured|bulletproof"),
    Term("collector", _l("Collector's car"), "colecionador",
         "veículo de colecionador|carro de colecionador|coleção|placa preta"),
    Term("auction", _l("Sold at auction before"), "passagem-por-leilao",
         "leilão|de leilão|veio de leilão"),
    Term("insurance_recovered", _l("Recovered from an insurance claim"), "recuperado-de-sinistro",
         "sinistro|sinistrado|recuperado"),
    Term("pcd", _l("Adapted for drivers with disabilities"), "adaptado-pcd",
         "PcD|adaptado|adaptado para PcD|adaptado para pessoas com deficiência|"
         "adaptado deficientes físicos"),
    Term("financed", _l("Lien on record"), "alienado",
         "alienada|alienação fiduciária|financiado|gravame"),
    Term("accepts_trade", _l("Accepts trade-in"), "aceita-troca",
         "aceita trocas|aceito troca|estuda troca|accepts trade-in"),
)  # fmt: skip

_FEATURE_GROUP: Final = (
    Term("comfort", _l("Comfort"), "conforto"),
    Term("safety", _l("Safety"), "seguranca"),
    Term("assistance", _l("Driver assistance"), "assistencia"),
    Term("technology", _l("Technology"), "tecnologia"),
    Term("exterior", _l("Exterior"), "exterior"),
    Term("other", _l("More features"), "outros"),  # words of a source that fit no code
)

_FEATURE: Final = (
    Term("air_conditioning", _l("Air conditioning"), "ar-condicionado", "ar|AC|ar cond", "comfort"),
    Term("digital_ac", _l("Digital air conditioning"), "ar-digital",
         "ar-condicionado digital|climatizador digital|ar-condicionado automático", "comfort"),
    Term("dual_zone_ac", _l("Dual-zone air conditioning"), "ar-dual-zone",
         "ar-condicionado dual zone|ar-condicionado bi-zone|ar bizona|"
         "ar-condicionado de duas zonas", "comfort"),
    Term("power_steering", _l("Power steering"), "direcao-assistida",
         "direção hidráulica|direção elétrica|direção eletro-hidráulica|DH", "comfort"),
    Term("power_windows", _l("Power windows"), "vidros-eletricos",
         "vidros elétricos dianteiros|vidros elétricos traseiros|VE|"
         "vidros elétricos dianteiros e traseiros", "comfort"),
    Term("power_locks", _l("Power door locks"), "travas-eletricas",
         "trava elétrica das portas|TE|trava central|travamento central|power locks", "comfort"),
    Term("power_mirrors", _l("Power mirrors"), "retrovisores-eletricos",
         "retrovisor elétrico|espelhos elétricos|espelhos retrovisores elétricos|"
         "retrovisores com ajuste elétrico", "comfort"),
    Term("leather_seats", _l("Leather seats"), "bancos-de-couro",
         "bancos em couro|couro|bancos de couro sintético|revestimento em couro", "comfort"),
    Term("heated_seats", _l("Heated seats"), "bancos-aquecidos",
         "bancos com aquecimento|aquecimento dos bancos", "comfort"),
    Term("power_seat", _l("Power seat"), "banco-eletrico",
         "banco com ajuste elétrico|banco do motorista elétrico|bancos com regulagem elétrica|"
         "bancos com ajustes elétricos|banco do motorista com ajuste elétrico", "comfort"),
    Term("height_seat", _l("Height-adjustable seat"), "banco-com-ajuste-de-altura",
         "banco com regulagem de altura|banco do motorista com ajuste de altura|"
         "regulagem de altura do banco", "comfort"),
    Term("split_seat", _l("Split rear seat"), "banco-bipartido",
         "banco traseiro bipartido|banco rebatível", "comfort"),
    Term("keyless_entry", _l("Keyless entry"), "chave-presencial",
         "keyless|chave por aproximação|acesso sem chave|abertura sem chave", "comfort"),
    Term("push_start", _l("Push-button start"), "partida-por-botao",
         "botão de partida|start button|partida no botão|push start|partida sem chave", "comfort"),
    Term("remote_start", _l("Remote start"), "partida-remota",
         "partida à distância|partida do motor remota", "comfort"),
    Term("sunroof", _l("Sunroof"), "teto-solar", "teto solar elétrico", "comfort"),
    Term("panoramic_roof", _l("Panoramic roof"), "teto-panoramico",
         "teto solar panorâmico|panoramic sunroof", "comfort"),
    Term("power_tailgate", _l("Power tailgate"), "porta-malas-eletrico",
         "porta malas com abertura elétrica|porta-malas com abertura elétrica|"
         "tampa do porta-malas elétrica", "comfort"),

    Term("abs", _l("ABS brakes"), "freios-abs", "freio ABS|anti-lock brakes|freios antitravamento",
         "safety"),
    Term("airbag", _l("Airbag"), "airbag",
         "airbags|air bags|airbag duplo|airbag motorista|airbag do motorista|airbags frontais|"
         "airbag passageiro|airbag do motorista e passageiro", "safety"),
    Term("side_airbag", _l("Side airbags"), "airbag-lateral", "airbags laterais", "safety"),
    Term("curtain_airbag", _l("Curtain airbags"), "airbag-de-cortina",
         "airbag cortina|airbags tipo cortina|airbags do tipo cortina", "safety"),
    Term("esc", _l("Stability control"), "controle-de-estabilidade",
         "ESP|controle eletrônico de estabilidade|electronic stability control|"
         "controle de estabilidade e tração", "safety"),
    Term("traction_control", _l("Traction control"), "controle-de-tracao",
         "controle eletrônico de tração|TCS|ASR", "safety"),
    Term("isofix", _l("ISOFIX anchors"), "isofix",
         "fixação isofix|ancoragem isofix|isofix para cadeirinha", "safety"),
    Term("alarm", _l("Alarm"), "alarme", "alarme antifurto|alarme de fábrica", "safety"),
    Term("immobilizer", _l("Immobilizer"), "imobilizador", "imobilizador do motor|immobiliser",
         "safety"),
    Term("fog_lights", _l("Fog lights"), "farol-de-neblina",
         "faróis de neblina|faróis auxiliares|farol de milha", "safety"),
    Term("led_headlights", _l("LED headlights"), "farol-de-led",
         "faróis de LED|farol full LED|faróis full LED|faróis em LED", "safety"),
    Term("xenon", _l("Xenon headlights"), "farol-de-xenonio",
         "faróis de xenônio|farol xenon|faróis de xenon|bi-xenônio|xenônio", "safety"),
    Term("drl", _l("Daytime running lights"), "luz-diurna",
         "luzes diurnas|luz de rodagem diurna|luzes de rodagem diurna|"
         "luzes de condução diurna|daytime running light", "safety"),
    Term("spare_tire", _l("Spare tire"), "estepe", "pneu reserva|roda sobressalente|spare wheel",
         "safety"),

    Term("hill_assist", _l("Hill-start assist"), "assistente-de-rampa",
         "assistente de partida em rampa|auxílio de partida em rampa|hill holder|"
         "assistente de partida em aclive|hill start assist", "assistance"),
    Term("rain_sensor", _l("Rain sensor"), "sensor-de-chuva",
         "limpador com sensor de chuva", "assistance"),
    Term("light_sensor", _l("Light sensor"), "sensor-crepuscular",
         "farol com acendimento automático|acendimento automático dos faróis|sensor de luz|"
         "faróis com sensor crepuscular|farol automático", "assistance"),
    Term("parking_sensor", _l("Parking sensors"), "sensor-de-estacionamento",
         "sensor de ré|sensores de estacionamento|sensores de ré|sensor de estacionamento traseiro|"
         "sensor de estacionamento dianteiro|sensor traseiro", "assistance"),
    Term("rear_camera", _l("Rear camera"), "camera-de-re",
         "câmera traseira|câmera ré|backup camera", "assistance"),
    Term("camera_360", _l("360° camera"), "camera-360",
         "câmera 360°|câmera 360 graus|visão 360|câmeras 360", "assistance"),
    Term("park_assist", _l("Parking assistant"), "assistente-de-estacionamento",
         "park assist|estacionamento automático|auxílio de estacionamento", "assistance"),
    Term("cruise_control", _l("Cruise control"), "piloto-automatico",
         "controle de cruzeiro|controlador de velocidade|controle de velocidade de cruzeiro",
         "assistance"),
    Term("adaptive_cruise", _l("Adaptive cruise control"), "piloto-automatico-adaptativo",
         "piloto automático adaptativo (ACC)|ACC|controle de cruzeiro adaptativo|"
         "adaptive cruise control", "assistance"),
    Term("lane_assist", _l("Lane assistant"), "assistente-de-faixa",
         "assistente de permanência em faixa|alerta de mudança de faixa|"
         "assistente de manutenção de faixa|alerta de saída de faixa|lane keeping assist",
         "assistance"),
    Term("blind_spot", _l("Blind-spot warning"), "alerta-de-ponto-cego",
         "sensor de ponto cego|monitor de ponto cego|ponto cego|monitoramento de ponto cego",
         "assistance"),
    Term("aeb", _l("Automatic emergency braking"), "frenagem-automatica-de-emergencia",
         "frenagem autônoma de emergência|frenagem automática|frenagem autônoma|"
         "autonomous emergency braking", "assistance"),

    Term("multimedia", _l("Multimedia system"), "central-multimidia",
         "multimídia|kit multimídia|central de multimídia|sistema multimídia", "technology"),
    Term("carplay", _l("Apple CarPlay"), "apple-carplay", "car play|apple car play", "technology"),
    Term("android_auto", _l("Android Auto"), "android-auto", "", "technology"),
    Term("bluetooth", _l("Bluetooth"), "bluetooth", "viva-voz bluetooth|conexão bluetooth",
         "technology"),
    Term("usb", _l("USB port"), "entrada-usb", "porta USB|tomada USB|conexão USB", "technology"),
    Term("gps", _l("GPS"), "gps", "navegador GPS|navegador|GPS integrado|sistema de navegação",
         "technology"),
    Term("onboard_computer", _l("Trip computer"), "computador-de-bordo", "on-board computer",
         "technology"),
    Term("steering_controls", _l("Steering-wheel controls"), "volante-multifuncional",
         "volante com comandos|comandos no volante|controles no volante|volante multifunção",
         "technology"),
    Term("paddle_shift", _l("Paddle shifters"), "paddle-shift",
         "borboletas no volante|aletas no volante|troca de marchas no volante|paddle shifts",
         "technology"),
    Term("start_stop", _l("Start-stop"), "start-stop", "start & stop|stop start|stop & start",
         "technology"),
    Term("wireless_charger", _l("Wireless charger"), "carregador-por-inducao",
         "carregador sem fio|carregamento por indução|carregamento sem fio|"
         "carregador de celular por indução", "technology"),
    Term("head_up_display", _l("Head-up display"), "head-up-display", "HUD|headup display",
         "technology"),

    Term("alloy_wheels", _l("Alloy wheels"), "rodas-de-liga-leve",
         "rodas de liga|rodas em liga leve|liga leve|RLL", "exterior"),
    Term("roof_rack", _l("Roof rack"), "rack-de-teto",
         "rack|bagageiro de teto|barras no teto|longarinas de teto", "exterior"),
    Term("tow_hitch", _l("Tow hitch"), "engate",
         "engate para reboque|gancho de reboque|engate de reboque", "exterior"),
    Term("bed_cover", _l("Bed cover"), "capota-maritima", "tonneau cover", "exterior"),
)  # fmt: skip

_TERMS: Final[Mapping[str, tuple[Term, ...]]] = MappingProxyType(
    {
        "fuel": _FUEL,
        "transmission": _TRANSMISSION,
        "body": _BODY,
        "color": _COLOR,
        "condition": _CONDITION,
        "state": _STATE,
        "history": _HISTORY,
        "feature": _FEATURE,
        "feature_group": _FEATURE_GROUP,
    }
)
KINDS: Final = tuple(_TERMS)

_SCHEMA_ORG: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("condition", "new"): "https://schema.org/NewCondition",
        ("condition", "used"): "https://schema.org/UsedCondition",
    }
)

# Words that say nothing: 'Bancos em couro', and within a kind 'Câmbio manual de 5 marchas'.
_LINK_WORDS: Final = frozenset(
    ("e", "ou", "and", "or", "em", "no", "na", "de", "do", "da", "dos", "das", "com", "of", "with")
)
_EMPTY_WORDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "fuel": frozenset({"combustivel", "fuel"}),
        "transmission": frozenset({"cambio", "transmissao", "marcha", "velocidade", "speed"}),
        "color": frozenset({"cor"}),
    }
)


def _words(kind: str, text: str) -> list[str]:
    """The words of `text` that carry meaning within `kind`, plurals in 's' made singular."""
    empty = _EMPTY_WORDS.get(kind, frozenset())
    words = (word for word in fold(text).split() if word not in _LINK_WORDS)
    singular = (word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words)
    if kind == "transmission":  # the number of gears: 'AT6', 'manual 5 marchas'
        singular = (word.rstrip("0123456789") for word in singular)
    return [word for word in singular if word and word not in empty]


def _key(kind: str, text: str) -> str:
    """Spaces do not tell spellings apart: 'air bag' and 'airbag', '0 km' and '0km' are one."""
    return "".join(_words(kind, text))


def _ways_to_write(term: Term) -> Iterable[str]:
    return (term.code, term.public, *filter(None, term.spellings.split("|")))


def _index(kind: str) -> dict[str, str]:
    """Codes of `kind` by the key of each spelling. A spelling of two codes is a mistake above."""
    index: dict[str, str] = {}
    for term in _TERMS[kind]:
        for way in _ways_to_write(term):
            if index.setdefault(_key(kind, way), term.code) != term.code:
                raise ValueError(f"{way!r} is {kind} {term.code} and {index[_key(kind, way)]}")
    return index


_BY_CODE: Final = {kind: {term.code: term for term in terms} for kind, terms in _TERMS.items()}
_BY_PUBLIC: Final = {
    kind: {term.public: term.code for term in terms} for kind, terms in _TERMS.items()
}
_BY_SPELLING: Final = {kind: _index(kind) for kind in KINDS}


def codes(kind: str) -> tuple[str, ...]:
    """The codes of `kind` in the order in which people expect them. `KeyError`: no such kind."""
    return tuple(_BY_CODE[kind])


def read_code(kind: str, text: str) -> str | None:
    """The code that a source's `text` means ('Automática', 'AUT', 'automatic', 'automatico'), or
    None. A colour may carry a maker's name ('Branco Polar') as long as it names one colour."""
    by_spelling = _BY_SPELLING[kind]
    code = by_spelling.get(_key(kind, text))
    if code is None and kind == "color":
        named = {by_spelling[word] for word in _words(kind, text) if word in by_spelling}
        return named.pop() if len(named) == 1 else None
    return code


def label(kind: str, code: str) -> LazyString | str:
    """The word for people, translated when shown. A feature kept in its source's own words, for
    want of a code, comes back as it is."""
    term = _term(kind, code)
    return term.label if term else code


def public_value(kind: str, code: str) -> str:
    """The value for query strings and CSV: 'automatic' -> 'automatico'. The source's own words
    come back as they are, so that an export reads back the same."""
    term = _term(kind, code)
    return term.public if term else code


def _term(kind: str, code: str) -> Term | None:
    """Sources and buyers name known facts ("único dono") among the features: those read too."""
    term = _BY_CODE[kind].get(code)
    return _BY_CODE["history"].get(code) if term is None and kind == "feature" else term


def from_public(kind: str, value: str) -> str | None:
    """The code of a public value, exactly as written: one address per choice, no doubles."""
    code = _BY_PUBLIC[kind].get(value)
    return _BY_PUBLIC["history"].get(value) if code is None and kind == "feature" else code


def feature_group(code: str) -> str:
    """The group, itself a code of kind 'feature_group', under which an offer shows a feature."""
    term = _BY_CODE["feature"].get(code)
    return term.group if term else "other"


def schema_org_value(kind: str, code: str) -> str | None:
    """The schema.org address that means the same, where the vocabulary has one."""
    return _SCHEMA_ORG.get((kind, code))


def spellings(kind: str) -> dict[str, str]:
    """Every known way to write each code, folded (`core.text.fold`): what a search box knows."""
    return {fold(way): term.code for term in _TERMS[kind] for way in _ways_to_write(term)}
