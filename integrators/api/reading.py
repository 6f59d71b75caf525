"""What several operations read from a query."""

from datetime import datetime

from flask_babel import gettext as _

from integrators.api.problems import ApiProblem, FieldError
from integrators.api.schemas import instant


def since_of(text: str) -> datetime:
    """The instant, or a 422 for a day that no month has."""
    try:
        return instant(text)
    except ValueError:
        words = _("There is no such day.")
        raise ApiProblem(422, words, errors=[FieldError(field="since", detail=words)]) from None
