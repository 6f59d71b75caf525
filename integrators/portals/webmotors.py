"""Webmotors' stock service, as far as public facts go. Experimental: never tried for real.

Known from public code that uses it (its manual, integracao.webmotors.com.br/manualintegracao, is
for integrators only): the operations, the elements and their order, the meaning of some codes.

Uncertain, and what we do about it:
* Nothing is known that keeps a key of ours, so the description ends with it ("Ref. v1-k3p9"). If
  the list of ads does not tell descriptions, only ads whose number we have stored are ours, and a
  lost answer to a new ad may leave a second one.
* The list is all that tells how an ad stands: listed means online. It is said to lag behind what
  people do on Webmotors' own pages.
* The reasons of ExcluirCarro have numbers; "1" is said to be "sold" (option `exclusion_reason`).
* An ad goes into one kind of ad ("modalidade") of the contract: the one set as `modality`, else the
  largest that takes photos. Motorcycles have another service, which is not built here.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from core.clock import now
from integrators.accounts import Account
from integrators.portals import webmotors_refusals as refusals
from integrators.portals.portal import (
    CallFailed,
    Calls,
    Car,
    Draft,
    Incomplete,
    Limits,
    NotSent,
    Outcome,
    Portal,
    Remote,
    RemoteAd,
    Result,
    Secrets,
    Step,
    Term,
    Terms,
    Unclear,
    Usage,
    Verb,
)
from integrators.portals.webmotors_draft import MOST_PHOTOS, advertisement, draft, key_in
from integrators.portals.webmotors_service import ask, modalities, modality_of, number_of
from integrators.portals.webmotors_soap import GOOD, Answer, Fields, table, texts

PAGE: Final = 50
_PHOTOS: Final = frozenset({"photos"})
# The operation of each list, the field of its codes, the fields that may hold the name.
_LISTS: Final = {
    "make": ("ObterMarca", "CodigoMarca"),
    "model": ("ObterModelo", "CodigoModelo"),
    "trim": ("ObterVersao", "CodigoVersao"),
    "color": ("ObterCores", "CodigoCor"),
    "transmission": ("ObterCambio", "CodigoCambio"),
    "fuel": ("ObterCombustivel", "CodigoCombustivel"),
    "feature": ("ObterOpcionais", "CodigoOpcional"),
}
_NAMES: Final = ("NomeMarca", "NomeModelo", "NomeVersao", "Descricao", "Nome")


class Webmotors(Portal):
    """The adapter. An ad is made by one call, and each of its photos by one more."""

    kind = "webmotors"
    limits = Limits(
        calls_a_step=12,
        calls_per_second=4.0,
        at_once=2,
        photos=MOST_PHOTOS,
        description=1500,
        shows_price=True,
        settle_seconds=120.0,
    )
    term_lists = tuple(_LISTS)
    term_categories = frozenset({"car"})
    needs_plate = True
    later_parts = _PHOTOS
    is_experimental = True

    def draft(self, car: Car, account: Account, terms: Terms, secrets: Secrets) -> Draft:  # noqa: ARG002
        return draft(car, terms, secrets)

    # --- what is there ---

    def observe(self, calls: Calls) -> Iterator[RemoteAd]:
        """The stock, page by page, until as many were seen as it says there are."""
        seen: set[str] = set()
        for page in range(1, 10_000):
            answer = self._page(calls, page)
            rows = list(answer.rows("CodigoAnuncio"))
            for row in rows:
                ad = _ad(row)
                if ad.external_id in seen:
                    raise Incomplete("the list moved while it was read")
                seen.add(ad.external_id)
                yield ad
            total = answer.text("TotalAnuncios")
            if len(rows) < PAGE or (total.isdigit() and len(seen) >= int(total)):
                break
        if not total.isdigit() or int(total) != len(seen):
            raise Incomplete(f"{len(seen)} of {total or '?'} ads were listed")

    def _page(self, calls: Calls, page: int) -> Answer:
        fields = [("pPagina", page), ("pTamanho", PAGE)]
        try:
            answer = ask(calls, "ObterEstoqueAtualPaginado", fields)
        except NotSent:
            if page == 1:
                raise
            raise Incomplete("a page of the list is lost") from None
        if answer.code != GOOD and not answer.text("TotalAnuncios"):
            raise Incomplete(f"a page of the list answered {answer.code}")
        return answer

    def look(self, calls: Calls, key: str, external_id: str) -> list[RemoteAd]:
        """There is no way to ask for one ad: the list is read whole."""
        return [
            ad
            for ad in self.observe(calls)
            if (external_id and ad.external_id == external_id) or (key and ad.key == key)
        ]

    # --- what is done ---

    def send(self, calls: Calls, steps: Sequence[Step]) -> Iterable[Result]:
        for step in steps:
            match step.verb:
                case Verb.CREATE | Verb.RELIST:
                    yield from self._create(calls, step)
                case Verb.UPDATE | Verb.RESUME:
                    yield from self._update(calls, step)
                case Verb.CLOSE | Verb.PAUSE:  # there is no pause
                    yield self._close(calls, step)

    def _create(self, calls: Calls, step: Step) -> Iterator[Result]:
        answer = self._tell(calls, "IncluirCarro", step, "0")
        number = number_of(answer.text("CodigoAnuncio"))
        if answer.code != GOOD:
            yield _refused(step, answer.code)
            return
        if not number:
            raise Unclear("a new ad without a number")
        try:
            taken, code = self._add_photos(calls, number, step.parts["photos"])
        except CallFailed:
            yield Result(step.key, Outcome.DONE, number, remote=Remote.ONLINE, missing=_PHOTOS)
            raise
        # Where none was taken the next update says why.
        lacking = frozenset() if taken or not code else _PHOTOS
        yield Result(step.key, Outcome.DONE, number, remote=Remote.ONLINE, missing=lacking)

    def _update(self, calls: Calls, step: Step) -> Iterator[Result]:
        number = step.external_id
        if step.changed - _PHOTOS or not step.changed:
            answer = self._tell(calls, "AlterarCarro", step, number)
            if answer.code != GOOD:
                yield _refused(step, answer.code)
                return
        code = ""
        if "photos" in step.changed:
            self._drop_photos(calls, number)
            taken, code = self._add_photos(calls, number, step.parts["photos"])
            code = "" if taken else code
        if code:
            yield _refused(step, code)
        else:
            yield Result(step.key, Outcome.DONE, number, remote=Remote.ONLINE)

    def _close(self, calls: Calls, step: Step) -> Result:
        reason = calls.account.get("exclusion_reason") or "1"
        fields = [("pCodigoAnuncio", step.external_id), ("pMotivoExclusao", reason)]
        answer = ask(calls, "ExcluirCarro", fields)
        if answer.code == GOOD:
            return Result(step.key, Outcome.DONE, remote=Remote.OFFLINE)
        if not self.look(calls, "", step.external_id):
            return Result(step.key, Outcome.GONE)  # what is not listed need not be taken down
        return _refused(step, answer.code)

    def _tell(self, calls: Calls, operation: str, step: Step, number: str) -> Answer:
        fields = advertisement(step.key, number, modality_of(calls), step.parts)
        return ask(calls, operation, [("pAnuncio", fields)])

    def _add_photos(self, calls: Calls, number: str, photos: Sequence[str]) -> tuple[int, str]:
        """Add `photos` in their order, each by one call. How many were taken, and the code of
        one that was not."""
        taken, refused = 0, ""
        for address in photos:
            fields = [("oUrlImagem", address), ("pCodigoAnuncio", number)]
            answer = ask(calls, "IncluirFotoUrl", fields)
            if answer.code == GOOD:
                taken += 1
            else:
                refused = answer.code
        return taken, refused

    def _drop_photos(self, calls: Calls, number: str) -> None:
        """There is no call that changes their order: all go, and come again."""
        answer = ask(calls, "ObterFotosCarro", [("pCodigoAnuncio", number)])
        for name in ("CodigoFoto", "CodigoFotoAnuncio"):
            for photo in list(texts(answer.root, name)):
                ask(calls, "ExcluirFoto", [("pCodigoFoto", photo), ("pCodigoAnuncio", number)])

    # --- the contract and the lists ---

    def usage(self, calls: Calls) -> Usage | None:
        """What the kind of ad that ours go into has, and what of it is taken."""
        modality = modality_of(calls)
        for one in modalities(calls):
            if one.code == modality:
                return Usage(one.total, one.used, one.name)
        return None

    def terms(self, calls: Calls, list_name: str, parent: str) -> Iterable[Term]:
        """One list. Versions carry the model years they exist for. Raises Incomplete."""
        operation, field = _LISTS[list_name]
        own = parent.rpartition("/")[2]
        fields: Fields = []
        if list_name == "model":
            fields = [("pCodigoMarca", own)]
        elif list_name == "trim":
            fields = [
                ("pCodigoModelo", own),
                ("pDataInicioAtualizacao", "1900-01-01T00:00:00"),
                ("pDataFimAtualizacao", now().strftime("%Y-%m-%dT%H:%M:%S")),
            ]
        answer = ask(calls, operation, fields)
        if answer.code not in {GOOD, ""}:
            raise Incomplete(f"a list of {list_name} answered {answer.code}")
        found = []
        for element in answer.elements(field):
            row = table(element)
            name = next((row[one] for one in _NAMES if row.get(one)), "")
            if name and row[field] not in {"", "0"}:
                years = sorted(int(one) for one in texts(element, "AnoModelo") if one.isdigit())
                span = f" ({years[0]}–{years[-1]})" if years else ""
                found.append(Term(number_of(row[field]) or row[field], name + span))
        return found


# --- reading ---------------------------------------------------------------------------------


def _ad(row: dict[str, str]) -> RemoteAd:
    """One ad of the list. What is listed is online: nothing else is told of it."""
    number = number_of(row["CodigoAnuncio"])
    if not number:
        raise Incomplete("an ad without a number")
    return RemoteAd(
        external_id=number,
        key=key_in(row.get("Observacao", "")),
        remote=Remote.ONLINE,
        price_cents=_cents(row.get("PrecoVenda", "")),
        age=number.zfill(15),
    )


def _cents(text: str) -> int | None:
    try:
        return round(float(text) * 100)
    except (ValueError, OverflowError):
        return None


def _refused(step: Step, code: str) -> Result:
    if code in refusals.NO_ROOM:
        return Result(step.key, Outcome.NO_SLOT, step.external_id)
    if code == refusals.NOT_OURS:
        return Result(step.key, Outcome.GONE)
    problem = refusals.problem_of(code)
    return Result(step.key, Outcome.REFUSED, step.external_id, problem=problem)
