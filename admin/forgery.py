"""What a post without the session's token is answered: 400, and how to go on."""

from flask import render_template
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError


def refuse(_error: CSRFError) -> tuple[str, int]:
    """The page was open for too long, or the post came from somewhere else. Nothing was done."""
    return (
        render_template(
            "admin/refused.html",
            title=_("Please try again"),
            text=_("This page was open for a long time. Nothing was changed: open it again."),
        ),
        400,
    )
