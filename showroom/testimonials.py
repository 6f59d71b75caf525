"""`/depoimentos`: what buyers say, with their permission, and the link by which they say it.

No review markup: search engines take praise on one's own pages for self-serving, rightly.
"""

from typing import Any, Final

from flask import abort, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from content import consents, invitations
from content.media import shown
from content.models import TestimonialInvitation
from content.refusals import ContentRefused
from content.testimonials import PAGE_SIZE, TestimonialFacts, shown_testimonials
from core.clock import today
from core.db import db, writing
from core.storage import StorageFailed
from dealership.identity import identity
from inventory.photos import store_picture
from inventory.renditions import BYTES_MAX, PhotoRefused, RenderInterrupted
from leads import reception
from leads.flood import client_of, flood
from showroom import choices, seo
from showroom.privacy import private

PATH: Final = "/depoimentos"
TRIES: Final = "20 per hour"
FIELDS: Final = ("texto", "nome", "cidade", "carro", "mes")


def testimonials_page() -> str:
    """`/depoimentos`: one page of them, the newest first."""
    dealer = identity()
    asked = request.args.get("pagina", "1")
    number = min(int(asked), 10_000) if asked.isascii() and asked.isdigit() else 1
    number = max(1, number)
    rows, total = shown_testimonials(number)
    pages = max(1, -(-total // PAGE_SIZE))
    if number > pages:
        abort(404)
    crumbs = [(_("Home"), "/"), (_("Testimonials"), PATH)]
    return render_template(
        "showroom/testimonials.html",
        page=seo.house_page(
            dealer,
            [_("What buyers say")],
            _(
                "People who bought at %(name)s tell how it was, with name, city and month, "
                "each with their permission.",
                name=dealer.name,
            ),
            PATH,
            crumbs,
            is_indexable=bool(total) and number == 1,
        ),
        crumbs=crumbs,
        rows=rows,
        shown=shown,
        number=number,
        pages=pages,
        address=lambda page: f"{PATH}?pagina={page}" if page > 1 else PATH,
    )


def invitation_page(token: str) -> Response:
    """`/depoimentos/convite/<token>`: the form, or what was sent by it."""
    invitation = _invitation(token)
    typed = {"nome": invitation.name, "carro": invitation.car, "mes": today().strftime("%Y-%m")}
    return private(_drawn(invitation, token, typed, None))


def send_testimonial(token: str) -> Response:
    """Keep what the buyer wrote: 303 once it is safe, 422 with everything kept."""
    if choices.is_cross_site(request):
        abort(403)
    invitation = _invitation(token)
    if not flood().allows(TRIES, "testimonial", client_of(request.remote_addr or "")):
        abort(429)
    typed = {name: request.form.get(name, "") for name in FIELDS}
    allows = {name: request.form.get(name) == "sim" for name in ("autoriza", "imagem")}
    try:
        photo = _photo(allows["imagem"]) if invitation.used_at is None else None
        with writing():
            invitations.accept(
                invitation,
                TestimonialFacts(
                    text=typed["texto"], name=typed["nome"], city=typed["cidade"],
                    car=typed["carro"], month=typed["mes"], photo=photo,
                    store_id=invitation.store_id,
                ),
                allows_words=allows["autoriza"],
                allows_image=allows["imagem"],
                network=reception.network(request.remote_addr or ""),
            )  # fmt: skip
    except ContentRefused as refusal:
        db.session.rollback()
        body = _drawn(_invitation(token), token, typed | allows, refusal)
        return private(body, 422)
    return private(redirect(f"{PATH}/convite/{token}", code=303))


def take_back(token: str) -> Response:
    """The buyer takes the permission back, by the same link (LGPD art. 8 § 5)."""
    if choices.is_cross_site(request):
        abort(403)
    invitation = _invitation(token)
    row = invitations.sent_by(invitation)
    if row is None or row.consent is None:
        abort(404)
    consent = row.consent
    with writing():
        consents.revoke(consent, by="convite")
    return private(redirect(f"{PATH}/convite/{token}", code=303))


def _invitation(token: str) -> TestimonialInvitation:
    found = invitations.find_invitation(token) if len(token) < 200 else None
    if found is None:
        abort(404)
    return found


def _photo(is_allowed: bool) -> dict[str, Any] | None:
    """The photo that was sent, drawn anew without metadata. Raises ContentRefused."""
    file = request.files.get("foto")
    if file is None or not file.filename:
        return None
    if not is_allowed:
        raise ContentRefused(
            _("To send a photo, allow it to be shown; or send the words alone."), "imagem"
        )
    data = file.read(BYTES_MAX + 1)
    db.session.rollback()  # image work holds no transaction
    try:
        return store_picture(data)
    except (PhotoRefused, StorageFailed, RenderInterrupted) as error:
        raise ContentRefused(str(error), "foto") from None


def _drawn(
    invitation: TestimonialInvitation,
    token: str,
    typed: dict[str, Any],
    refusal: ContentRefused | None,
) -> str:
    row = invitations.sent_by(invitation) if invitation.used_at else None
    return render_template(
        "showroom/testimonial_invitation.html",
        is_without_tags=True,
        page=seo.Page(
            title=seo.fit([_("Tell us how it was")], f" | {identity().name}"),
            description=_("Your words about your purchase."),
            path=PATH,
            is_indexable=False,
        ),
        action=f"{PATH}/convite/{token}",
        row=row,
        picture=shown(row.photo) if row and row.photo else None,
        is_used=invitation.used_at is not None,
        typed=typed,
        refusal=refusal,
        wording=consents.wording(covers_image=False),
    )
