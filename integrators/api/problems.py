"""What the API answers when it says no: problem details (RFC 9457), in the reader's language."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Response, json
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pydantic import BaseModel, Field, ValidationError

from core.text import clean_line

MEDIA_TYPE: Final = "application/problem+json"
LONGEST_DETAIL: Final = 300
MOST_ERRORS: Final = 20

_TITLES: Final = {
    400: _l("The request cannot be read"),
    401: _l("A key is needed"),
    403: _l("Not allowed"),
    404: _l("Not found"),
    405: _l("This address does not do that"),
    406: _l("No answer in that form"),
    409: _l("Somebody was faster"),
    413: _l("Too large"),
    415: _l("No body in that form"),
    422: _l("The request says something wrong"),
    429: _l("Too many requests"),
    500: _l("Something went wrong here"),
    503: _l("Not available at the moment"),
}


class FieldError(BaseModel):
    """One thing that is wrong with what was sent."""

    field: str = Field(description="Where: a name of the query or body, with dots for what is in.")
    detail: str


class ProblemDetails(BaseModel):
    """The body of every error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = Field(default=None, description="With status 422.")


class ApiProblem(Exception):
    """Ends a request with `status`; `detail` is a sentence for whoever wrote the program."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers, self.errors = dict(headers or {}), list(errors)

    def response(self) -> Response:
        """The answer that tells it."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": str(_TITLES.get(self.status, _TITLES[500])),
            "status": self.status,
            "detail": clean_line(self.detail, LONGEST_DETAIL),
        }
        if self.errors:
            body["errors"] = [one.model_dump() for one in self.errors]
        answer = Response(json.dumps(body), self.status, mimetype=MEDIA_TYPE)
        answer.headers.extend(self.headers)
        answer.headers["Cache-Control"] = "no-store"
        return answer


def invalid(error: ValidationError) -> ApiProblem:
    """The problem of what does not fit its description. What was sent is not repeated."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(one["type"] == "json_invalid" for one in found):
        return ApiProblem(400, _("The body is not JSON."))
    errors = [
        FieldError(
            field=clean_line(".".join(str(part) for part in one["loc"]), 80),
            detail=clean_line(one["msg"], 160),
        )
        for one in found[:MOST_ERRORS]
    ]
    names = ", ".join(dict.fromkeys(one.field for one in errors if one.field)) or _("the body")
    return ApiProblem(422, _("Look again at: %(names)s", names=names), errors=errors)


def not_found() -> ApiProblem:
    """Not there, or not for this key: which of them nobody is told."""
    return ApiProblem(404, _("There is nothing here, or it is not for this key."))
