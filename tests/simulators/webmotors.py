"""Webmotors, as far as public code shows it: the stock's SOAP service and the leads' REST service.

Elements are read as the real service's serialiser reads them: what stands out of order is not seen.
Where nothing is public we chose: deleting what is not there is 43|39, photos are told by
ObterFotosCarro, and nobody knows an ad by a key of ours, so that `ads` go by what `Observacao` ends
with ("Ref. <key>"), or by the plate.
"""

import dataclasses
import re
import time
from collections.abc import Iterable
from typing import Any, ClassVar
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from tests.simulators import webmotors_rules as rules
from tests.simulators.ads import Ad
from tests.simulators.catalogue import CAR, Catalogue
from tests.simulators.faults import Fault, Faults
from tests.simulators.routes import Refusal, Route, route
from tests.simulators.server import Answer, Request, said
from tests.simulators.simulator import Simulator

STOCK = "www.webmotors.com.br/wsEstoqueRevendedorWebMotors"
LOGIN = "www.webmotors.com.br/wsLoginSistemaRevendedor"
SESSION_SECONDS = 1000 * 60.0
_KEY = re.compile(r"Ref\.? ?:? ?([A-Za-z0-9_-]{1,19})\s*\Z")


class Webmotors(Simulator):
    """One dealer with one kind of ad ("modalidade")."""

    kind: ClassVar[str] = "webmotors"
    live_states = frozenset({"online"})
    held_states = frozenset({"online"})
    can_expire = False
    settings = {"client_id": "c", "client_secret": "s", "username": "u", "password": "segredo",
                "cnpj": "12345678000195", "email": "loja@exemplo.com.br"}  # fmt: skip

    def __init__(self, faults: Faults | None = None, *, port: int = 0) -> None:
        self.password = "segredo"
        self.catalogue = Catalogue.of(rules.CATALOGUE)
        self.any_term = False  # no list is looked up
        self.leads: dict[str, dict[str, Any]] = {
            "55": {
                "nome": "Ana Teste",
                "email": "ana@exemplo.com.br",
                "telefone": "16999990001",
                "mensagem": "Aceita troca?",
                "valorProposta": 60000,
                "tipo": 2,
                "anuncio": {"codigo": "lj1-v204", "marca": "Fiat", "modelo": "Argo"},
            }
        }
        self._sessions: dict[str, float] = {}
        super().__init__(faults, port=port)

    def seed(self) -> None:
        self.add_by_hand("Fiat Uno 2008", 1_000_000)
        self.add_by_hand("Gol 1.0 2012", 2_000_000)

    # --- leads ------------------------------------------------------------------------------

    @route("POST", "/oauth/v1/access-token", writes=False, never_lost=True)
    def token(self, request: Request) -> Answer:
        is_basic = request.headers.get("authorization", "").startswith("Basic ")
        is_known = is_basic and request.form.get("password") == self.password
        return said({"access_token": "t"}) if is_known else said({}, 401)

    @route("GET", "/lead/v1/leads")
    def lead(self, request: Request) -> Answer:
        found = self.leads.get(request.query.get("id", ""))
        if request.headers.get("access_token") != "t" or not request.headers.get("client_id"):
            return said({}, 401)
        return said([found]) if found else said({}, 404)

    # --- SOAP -------------------------------------------------------------------------------

    def _find(self, request: Request) -> tuple[Route, dict[str, str]]:
        if request.path.endswith(".asmx"):
            action = request.headers.get("soapaction", "").strip('"').rpartition("/")[2]
            request = dataclasses.replace(request, path=action)
        return super()._find(request)

    def _nothing_done(self, fault: Fault | None, request: Request) -> Answer:
        if fault is Fault.EXPIRED and request.path.endswith(".asmx"):
            self.end_tokens()
            action = request.headers.get("soapaction", "").strip('"').rpartition("/")[2]
            return _reply(action, _field("CodigoRetorno", rules.SESSION_OVER))
        return super()._nothing_done(fault, request)

    @route("POST", "autenticar", writes=False, never_lost=True)
    def sign_in(self, request: Request) -> Answer:
        asked = _asked(request, "autenticar", LOGIN)
        known = (self.settings["cnpj"], self.settings["email"], self.password)
        if (_digits(asked.get("cnpj", "")), asked.get("email"), asked.get("senha")) != known:
            fields = _field("HashAutenticacao", "Erro na Autenticacao")
            return _reply("autenticar", fields + _field("CodigoRetorno", rules.UNEXPECTED), LOGIN)
        name = f"hash-{self.number()}"
        self._sessions[name] = time.monotonic() + SESSION_SECONDS
        fields = _field("HashAutenticacao", name) + _field("CodigoRetorno", rules.GOOD)
        return _reply("autenticar", fields, LOGIN)

    def _enter(self, request: Request, action: str) -> dict[str, Any]:
        """What is asked, of somebody who is signed in."""
        asked = _asked(request, action, STOCK)
        until = self._sessions.get(asked.get("pHashAutenticacao", ""))
        if until is None:
            raise Refusal(_code(action, rules.BAD_HASH))
        if time.monotonic() > until:
            raise Refusal(_code(action, rules.SESSION_OVER))
        return asked

    @route("POST", "IncluirCarro", writes=True, can=(Fault.TWICE,))
    def include(self, request: Request) -> Answer:
        ad = self._enter(request, "IncluirCarro").get("pAnuncio") or {}
        if code := rules.wrong(ad, None, self._lists):
            return _code("IncluirCarro", code)
        if self.slots is not None and self.holds() >= self.slots:
            return _code("IncluirCarro", rules.NO_ROOM)
        made = self._put_up(ad)
        fields = _field("CodigoAnuncio", made.external_id) + _field("CodigoRetorno", rules.GOOD)
        return _reply("IncluirCarro", fields)

    @route("POST", "AlterarCarro", writes=True)
    def change(self, request: Request) -> Answer:
        told = self._enter(request, "AlterarCarro").get("pAnuncio") or {}
        ad = self._ad(told.get("CodigoAnuncio"), "AlterarCarro")
        if code := rules.wrong(told, ad.data, self._lists):
            return _code("AlterarCarro", code)
        ad.data = {**told, "fotos": ad.data.get("fotos", [])}
        ad.price_cents = round(float(told["PrecoVenda"]) * 100)
        self.rename(ad, _key_of(told))
        fields = _field("CodigoAnuncio", ad.external_id) + _field("CodigoRetorno", rules.GOOD)
        return _reply("AlterarCarro", fields)

    @route("POST", "ExcluirCarro", writes=True)
    def exclude(self, request: Request) -> Answer:
        asked = self._enter(request, "ExcluirCarro")
        ad = self._ad(asked.get("pCodigoAnuncio"), "ExcluirCarro")
        if not asked.get("pMotivoExclusao"):
            return _code("ExcluirCarro", rules.NO_REASON)
        ad.state = "excluded"
        return _code("ExcluirCarro", rules.GOOD)

    @property
    def _lists(self) -> Catalogue | None:
        return None if self.any_term else self.catalogue

    def _put_up(self, told: dict[str, Any], *, is_foreign: bool = False) -> Ad:
        number = str(30_000_000 + self.number())
        cents = round(float(told["PrecoVenda"]) * 100)
        return self.keep(
            Ad(number, "" if is_foreign else _key_of(told), "online", cents, {**told, "fotos": []},
               is_foreign=is_foreign, url=f"https://www.webmotors.com.br/comprar/{number}")
        )  # fmt: skip

    def _ad(self, number: Any, action: str) -> Ad:
        ad = self.everything.get(str(number))
        if ad is None or ad.state not in self.held_states:
            raise Refusal(_code(action, rules.NOT_YOURS))
        self.touch(ad)
        return ad

    # --- photos, one by one -----------------------------------------------------------------

    @route("POST", "IncluirFotoUrl", writes=True)
    def add_photo(self, request: Request) -> Answer:
        asked = self._enter(request, "IncluirFotoUrl")
        ad = self._ad(asked.get("pCodigoAnuncio"), "IncluirFotoUrl")
        if not asked.get("oUrlImagem"):
            return _code("IncluirFotoUrl", "31|1")
        if len(ad.data["fotos"]) >= rules.MOST_PHOTOS:
            return _code("IncluirFotoUrl", rules.TOO_MANY_PHOTOS)
        number = str(self.number())
        ad.data["fotos"].append((number, asked["oUrlImagem"]))
        fields = _field("CodigoFoto", number) + _field("CodigoRetorno", rules.GOOD)
        return _reply("IncluirFotoUrl", fields)

    @route("POST", "ExcluirFoto", writes=True)
    def drop_photo(self, request: Request) -> Answer:
        asked = self._enter(request, "ExcluirFoto")
        ad = self._ad(asked.get("pCodigoAnuncio"), "ExcluirFoto")
        left = [one for one in ad.data["fotos"] if one[0] != asked.get("pCodigoFoto")]
        is_known = len(left) < len(ad.data["fotos"])
        ad.data["fotos"] = left
        return _code("ExcluirFoto", rules.GOOD if is_known else "31|1")

    @route("POST", "ObterFotosCarro", writes=False)
    def photos(self, request: Request) -> Answer:
        asked = self._enter(request, "ObterFotosCarro")
        ad = self.everything.get(str(asked.get("pCodigoAnuncio")))
        if ad is None or ad.state not in self.held_states:
            return _code("ObterFotosCarro", rules.NOT_YOURS)
        rows = [{"CodigoFoto": number, "Url": url} for number, url in ad.data["fotos"]]
        return _listed("ObterFotosCarro", "FotoWM", rows)

    # --- what is there ----------------------------------------------------------------------

    @route("POST", "ObterEstoqueAtual", writes=False)
    def stock(self, request: Request) -> Answer:
        self._enter(request, "ObterEstoqueAtual")
        return _reply("ObterEstoqueAtual", "".join(map(_shown, self._standing())))

    @route("POST", "ObterEstoqueAtualPaginado", writes=False, can=(Fault.SHORT,))
    def stock_page(self, request: Request, *, short: bool) -> Answer:
        asked = self._enter(request, "ObterEstoqueAtualPaginado")
        page, size = int(asked.get("pPagina") or 0), int(asked.get("pTamanho") or 0)
        if page < 1 or not 1 <= size <= 100:
            return _code("ObterEstoqueAtualPaginado", "31|1")
        found = self._standing()
        shown = found[(page - 1) * size : page * size]
        rows = "".join(map(_shown, shown[: -1 if short and shown else None]))
        fields = [_field("Pagina", page), _field("AnunciosPorPagina", size),
                  _field("TotalAnuncios", len(found)), f"<Anuncios>{rows}</Anuncios>",
                  _field("CodigoRetorno", rules.GOOD)]  # fmt: skip
        return _reply("ObterEstoqueAtualPaginado", "".join(fields))

    def _standing(self) -> list[Ad]:
        return [ad for ad in self.everything.values() if ad.state in self.held_states]

    @route("POST", "ObterModalidade", writes=False)
    def modalities(self, request: Request) -> Answer:
        self._enter(request, "ObterModalidade")
        total = self.slots if self.slots is not None else 9999
        row = {"CodigoModalidade": rules.MODALITY, "Descricao": "Anúncio Básico",
               "TipoAnuncio": "U", "QuantidadeAnunciosTotal": total,
               "QuantidadeAnuncios": self.holds(), "PermiteFoto": "S"}  # fmt: skip
        return _listed("ObterModalidade", "ModalidadeWM", [row])

    # --- lists ------------------------------------------------------------------------------

    @route("POST", "ObterMarca", writes=False)
    def makes(self, request: Request) -> Answer:
        self._enter(request, "ObterMarca")
        rows = [
            {"CodigoMarca": code, "NomeMarca": name} for code, name in self.catalogue.makes_of(CAR)
        ]
        return _listed("ObterMarca", "MarcaWM", rows)

    @route("POST", "ObterModelo", writes=False)
    def models(self, request: Request) -> Answer:
        make = self._enter(request, "ObterModelo").get("pCodigoMarca", "")
        rows = [{"CodigoModelo": code, "NomeModelo": name}
                for code, name in self.catalogue.models_of(make)]  # fmt: skip
        return _listed("ObterModelo", "ModeloWM", rows)

    @route("POST", "ObterVersao", writes=False)
    def versions(self, request: Request) -> Answer:
        asked = self._enter(request, "ObterVersao")
        if not asked.get("pDataInicioAtualizacao") or not asked.get("pDataFimAtualizacao"):
            return _code("ObterVersao", "31|1")
        years = "".join(f"<AnoModeloWM><AnoModelo>{year}</AnoModelo></AnoModeloWM>"
                        for year in rules.YEARS)  # fmt: skip
        rows = [
            f"<Versao>{_field('CodigoVersao', code)}{_field('NomeVersao', name)}"
            f"<AnoModelo>{years}</AnoModelo>{_field('CodigoRetorno', rules.GOOD)}</Versao>"
            for code, name in self.catalogue.trims_of(asked.get("pCodigoModelo", ""))
        ]
        return _reply("ObterVersao", "".join(rows))

    @route("POST", "ObterCores", writes=False)
    def colors(self, request: Request) -> Answer:
        return self._list(request, "ObterCores", "CorWM", "CodigoCor", rules.COLORS)

    @route("POST", "ObterCambio", writes=False)
    def gearboxes(self, request: Request) -> Answer:
        return self._list(request, "ObterCambio", "TipoCambioWM", "CodigoCambio", rules.GEARBOXES)

    @route("POST", "ObterCombustivel", writes=False)
    def fuels(self, request: Request) -> Answer:
        return self._list(
            request, "ObterCombustivel", "CombustivelWM", "CodigoCombustivel", rules.FUELS
        )

    @route("POST", "ObterOpcionais", writes=False)
    def features(self, request: Request) -> Answer:
        return self._list(request, "ObterOpcionais", "OpcionalWM", "CodigoOpcional", rules.FEATURES)

    def _list(
        self, request: Request, action: str, name: str, code: str, entries: dict[str, str]
    ) -> Answer:
        self._enter(request, action)
        rows = [{code: number, "Descricao": label} for number, label in entries.items()]
        return _listed(action, name, rows)

    # --- the dealer's hands -----------------------------------------------------------------

    def add_by_hand(self, title: str, cents: int) -> Ad:
        told = {"Observacao": title, "PrecoVenda": str(cents / 100), "TipoAnuncio": "U", "Km": "0"}
        return self._put_up(told, is_foreign=True)

    def close_by_hand(self, key: str) -> None:
        self._by_hand(key).state = "excluded"

    def end_tokens(self) -> None:
        self._sessions = dict.fromkeys(self._sessions, 0.0)

    def lock_out(self) -> None:
        self.password = "another"
        self._sessions.clear()


# --- reading and writing envelopes -----------------------------------------------------------


def _asked(request: Request, action: str, space: str) -> dict[str, Any]:
    """The parameters of a call by name, `pAnuncio` as a table of its elements."""
    try:
        root = ET.fromstring(request.body)
    except ET.ParseError:
        raise Refusal(Answer(500, b"<soap:Fault/>", kind="text/xml")) from None
    call = root.find(f".//{{{space}}}{action}")
    if call is None:
        raise Refusal(Answer(500, b"<soap:Fault/>", kind="text/xml"))
    return {_local(one): _in_order(one) if len(one) else (one.text or "") for one in call}


def _in_order(ad: ET.Element) -> dict[str, Any]:
    """The elements of an ad, without those that come after their turn."""
    found: dict[str, Any] = {}
    turn = 0
    for one in ad:
        name = _local(one)
        if name not in rules.ORDER or rules.ORDER.index(name) < turn:
            continue
        turn = rules.ORDER.index(name)
        codes = [code.text or "" for code in one.iter() if _local(code) == "CodigoOpcional"]
        found[name] = codes if name == "Opcional" else (one.text or "").strip()
    return found


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _field(name: str, value: Any) -> str:
    return f"<{name}>{escape(str(value))}</{name}>"


def _reply(action: str, inner: str, space: str = STOCK) -> Answer:
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<{action}Response xmlns="{space}"><{action}Result>{inner}</{action}Result>'
        f"</{action}Response></soap:Body></soap:Envelope>"
    )
    return Answer(200, body.encode(), kind="text/xml; charset=utf-8")


def _code(action: str, code: str) -> Answer:
    return _reply(action, _field("CodigoRetorno", code))


def _listed(action: str, name: str, rows: Iterable[dict[str, Any]]) -> Answer:
    good = {"CodigoRetorno": rules.GOOD}
    return _reply(
        action,
        "".join(
            f"<{name}>{''.join(_field(*one) for one in {**row, **good}.items())}</{name}>"
            for row in rows
        ),
    )


def _shown(ad: Ad) -> str:
    fields = {name: ad.data.get(name, "") for name in rules.ORDER[1:-1]}
    told = {"CodigoAnuncio": ad.external_id, **fields, "PrecoVenda": f"{ad.price_cents / 100:.2f}",
            "CodigoRetorno": rules.GOOD}  # fmt: skip
    return f"<Anuncio>{''.join(_field(*one) for one in told.items())}</Anuncio>"


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _key_of(told: dict[str, Any]) -> str:
    found = _KEY.search(told.get("Observacao") or "")
    return found[1] if found else str(told.get("Placa") or "")
