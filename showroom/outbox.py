"""`/_emails`, in development only: the mails as their readers get them, without a mail program."""

from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Response, abort, render_template, request
from flask_babel import gettext as _

from core.config import current
from core.db import db
from core.headers import policy
from leads.models import Mail
from showroom import seo

SHOWN = 50
OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
# The one place whose HTML carries its styles with it; scripts stay forbidden, and the page may
# stand in a frame of ours only.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: {site}; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox allow-popups"
)


def outbox_page() -> str:
    """The newest mails, sent or not."""
    _only_in_development()
    rows = db.session.scalars(sa.select(Mail).order_by(Mail.id.desc()).limit(SHOWN)).all()
    return render_template("showroom/outbox.html", page=_page(_("Mails"), "/_emails"), mails=rows)


def mail_page(mail_id: int) -> Response:
    """One mail: headers, text and, in a frame, its HTML."""
    _only_in_development()
    row = db.get_or_404(Mail, mail_id)
    path = f"/_emails/{mail_id}"
    response = Response(
        render_template("showroom/outbox_mail.html", page=_page(row.subject, path), mail=row)
    )
    response.headers["Content-Security-Policy"] = policy({"frame-src": ["'self'"]})
    return response


def mail_html(mail_id: int) -> Response:
    """The HTML of one mail alone."""
    _only_in_development()
    response = Response(db.get_or_404(Mail, mail_id).html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _MAIL_POLICY.format(site=current().base_url)
    return response


def _only_in_development() -> None:
    """Here, and where nobody else looks: mails hold names, codes and keys, and a site that is
    public may have been told its address, or to listen to all, but not that it is in production."""
    is_ours = urlsplit(current().base_url).hostname in OWN_MACHINE
    if current().is_production or not is_ours or request.remote_addr not in OWN_MACHINE:
        abort(404)


def _page(title: str, path: str) -> seo.Page:
    return seo.Page(title=title, description="", path=path, is_indexable=False)
