"""What every door does with a filled-in form: check it, judge it, have it kept.

The caller draws pages; this module draws none. Nothing here reads the database before the
submission is safe, so a form is taken while the database is away.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, Final

from flask import request
from werkzeug.exceptions import TooManyRequests

from core.clock import today
from core.config import current
from core.text import clean_line
from leads import flood, suspicion
from leads.attribution import touches_of_form
from leads.capture import Also, Arrival, Receipt, accept
from leads.forms import LeadForm
from leads.people import phone_key
from leads.proof import is_proven

_UUID_CHARS: Final = 36
# Gets the submission's id before it is kept; what it returns joins the details.
Attach = Callable[[str], Mapping[str, Any]]


def receive(
    form: LeadForm,
    *,
    page: str,
    vehicle: str = "",
    store: str = "",
    source: str = "",
    source_ref: str = "",
    details: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
    channel: str = "site",
    attach: Attach | None = None,
    also: Also | None = None,
) -> Receipt | None:
    """Keep the posted `form`; None when it is refused, with the reasons in `form.errors`.

    `page` is the path it stood on, `vehicle` a public id, `store` a slug; `details` is what the
    server worked out itself (a simulation). The same post again answers the same receipt and adds
    nothing; other content from the same page is linked to the first. `attach` stores what came
    with the form (photos) under the submission's id, before it is kept; `also` as in
    `leads.capture.accept`, left out after a machine's post. Raises TooManyRequests at the flood
    wall and SpoolFailed.
    """
    address = request.remote_addr or ""
    # One too large to be read goes no further anyway, and there is nothing typed to give back.
    if flood.is_flooding(address) and not form.too_large:
        raise TooManyRequests(retry_after=60)
    if form.too_large or not form.validate():
        form.redraw()
        return None
    fields = form.fields
    asked: dict[str, Any] = {
        "kind": form.kind,
        "department": form.department,
        "opens_lead": form.opens_lead,
        "vehicle": vehicle,
        "store": store,
        "source_ref": source_ref,
        "fields": fields,
        "name": form.nome.data or "",
        "phone": form.phone,
        "email": form.email.data or "",
        "message": form.mensagem.data or "",
        "details": {**form.details(), **(details or {})},
    }
    first, last = touches_of_form(request, form.origem.data or "")
    variant = (meta or {}).get("variant")
    if variant:
        last = {**last, "variant": str(variant)}
    points, reasons = _judge(form, address, asked["phone"])
    source = source or form.source
    about = vehicle or str((meta or {}).get("about", ""))
    arrival = Arrival(
        source=source,
        idem_key=idem_key(form, source, about, fields),
        page_key=page_key(form),
        payload=asked,
        meta={
            **(meta or {}),
            "page": clean_line(page, 300),
            "channel": channel,
            "first_touch": first,
            "last_touch": last,
            "network": network(address),
            "reasons": reasons,
            "consent": bool(form.consentimento.data),
            "text": clean_line(form.texto.data or "", 64),
        },
        suspicion=points,
    )
    if attach:
        asked["details"] |= attach(arrival.id)
    # A machine's post is kept like the rest, but takes nothing from people (a time).
    return accept(arrival, also=None if suspicion.is_machine(points, reasons) else also)


def page_key(form: LeadForm) -> str:
    """The id the page was drawn with, or empty when a sender made up something else."""
    given = (form.submission_id.data or "").strip().lower()
    is_plain = len(given) <= _UUID_CHARS and given.replace("-", "").isalnum() and given.isascii()
    return given if is_plain else ""


def idem_key(form: LeadForm, source: str, about: str, fields: Mapping[str, str]) -> str:
    """The same for the same content from the same page, different otherwise: a page kept by a
    cache gives many people one id, and none of their leads may be taken for a repeat. Without an
    id (a program's own post) the same content is a repeat on the same day only. `about` is the
    car, or the request that something is added to."""
    content = json.dumps([source, about, sorted(fields.items())], ensure_ascii=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return f"{page_key(form) or today()}:{digest}"


@lru_cache(1024)
def network(address: str) -> str:
    """The address without the part that tells the person: /24, or /48 of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    return str(ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


def _judge(form: LeadForm, address: str, phone: str) -> tuple[int, list[str]]:
    counters = flood.flood()
    identity = phone_key(phone) if phone else (form.email.data or "").lower()
    return suspicion.judge(
        suspicion.Signals(
            honeypot=form.honeypot,
            filled_in_seconds=form.filled_in_seconds,
            message=form.mensagem.data or "",
            name=form.nome.data or "",
            is_cross_site=request.headers.get("Sec-Fetch-Site") == "cross-site",
            unknown_fields=form.unknown,
            from_address=counters.count("address", flood.client_of(address)),
            from_identity=counters.count("identity", identity) if identity else 1,
            proof_is_missing=current().proof_of_work and not is_proven(form.prova.data or ""),
        )
    )


def thanks_path(receipt: Receipt) -> str:
    """Where the buyer is sent (303) once the submission is safe."""
    return f"/obrigado/{receipt.id}"
