"""The door for programs: who asks, may they, is what they sent right; then the operation.

Everything here is answered in JSON, errors as problem details (RFC 9457): a program reads no page.
"""

from collections.abc import Sequence
from typing import Any, Final

import structlog
from flask import Blueprint, Flask, Response, request
from flask_babel import gettext as _
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from core.db import db, writing
from integrators.api import leads, openapi, vehicles
from integrators.api.operations import JSON, OPERATIONS, Answer, Call, Operation
from integrators.api.problems import MEDIA_TYPE, ApiProblem, invalid, not_found
from integrators.api.tokens import ApiToken, find_token, note_use, was_used_lately
from leads.flood import client_of
from leads.reception import network
from leads.spool import SpoolFailed

ROOT: Final = "/api/v1"
MOST_BODY_BYTES: Final = 64 * 1024
LONGEST_KEY: Final = 200
METHODS: Final = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY",
)  # fmt: skip
# Per key and per process. A key's holder is known: this is against loops, not against floods.
MOST_CALLS: Final[RateLimitItem] = parse("600 per minute")
MOST_WRONG_KEYS: Final[RateLimitItem] = parse("60 per minute")
USE_WAITS_SECONDS: Final = 0.1
_MODULES: Final = (vehicles, leads)  # what fills the table

api = Blueprint("api", __name__, url_prefix=ROOT)
counts = MemoryStorage()
_limiter = FixedWindowRateLimiter(counts)
log = structlog.get_logger("vitrine.api")


def init_api(app: Flask) -> None:
    """Open the API's addresses on `app`."""
    app.register_blueprint(api)


@api.route("/openapi.json")
def description() -> Response:
    """What the API does, for programs (OpenAPI 3.1). No key is needed to read it."""
    answer = Response(openapi.text(OPERATIONS), mimetype=JSON)
    answer.add_etag()
    answer.make_conditional(request)
    return answer


@api.route("/", methods=METHODS, defaults={"_rest": ""}, provide_automatic_options=False)
@api.route("/<path:_rest>", methods=METHODS, provide_automatic_options=False)
def nowhere(_rest: str) -> Response:
    """Any other address."""
    return not_found().response()


@api.errorhandler(HTTPException)
def _refused(error: HTTPException) -> Response:
    return _problem_of(error).response()


def _open(path: str, operations: Sequence[Operation]) -> None:
    """Answer at `path` with the operation of the method."""
    by_method = {one.method: one for one in operations}
    if "GET" in by_method:
        by_method["HEAD"] = by_method["GET"]
    allowed = ", ".join([*by_method, "OPTIONS"])

    def view(**names: Any) -> Response:
        if request.method == "OPTIONS":
            return Response(status=204, headers={"Allow": allowed})
        chosen = by_method.get(request.method)
        if chosen is None:
            words = _("Here one can: %(methods)s", methods=allowed)
            return ApiProblem(405, words, headers={"Allow": allowed}).response()
        return _answer(chosen, names)

    rule = path.replace("{lead_id}", "<int:lead_id>").replace("{vehicle_id}", "<vehicle_id>")
    api.add_url_rule(
        rule, endpoint=path.strip("/").replace(".", " as "), view_func=view, methods=METHODS,
        provide_automatic_options=False,
    )  # fmt: skip


def _answer(chosen: Operation, names: dict[str, Any]) -> Response:
    try:
        call = _call(chosen)
        return _finished(chosen, chosen.run(call, **names))
    except ApiProblem as problem:
        return problem.response()
    except HTTPException as error:
        return _problem_of(error).response()
    except SpoolFailed:
        return _later(_("It could not be kept. Send it again in a few seconds."))
    except OperationalError:
        log.exception("api_database_away", operation=chosen.name)
        return _later(_("The database does not answer. Try again in a few seconds."))
    except Exception:
        log.exception("api_failed", operation=chosen.name)
        return ApiProblem(500, _("It is ours, not yours. Try again in a minute.")).response()
    finally:
        db.session.rollback()


def _later(words: str) -> Response:
    return ApiProblem(503, words, headers={"Retry-After": "5"}).response()


def _problem_of(error: HTTPException) -> ApiProblem:
    status = error.code or 500
    if status == 404:
        return not_found()
    if isinstance(error, RequestEntityTooLarge):
        return ApiProblem(413, _("At most %(kib)s KiB.", kib=MOST_BODY_BYTES // 1024))
    return ApiProblem(status, error.description or str(status))


def _finished(chosen: Operation, found: Answer) -> Response:
    if isinstance(found, BaseModel):
        found = Response(found.model_dump_json(), chosen.status, mimetype=chosen.media)
    found.headers["Cache-Control"] = "private, no-cache" if chosen.has_etag else "no-store"
    if chosen.has_etag:
        found.add_etag()
        found.make_conditional(request)
    return found


# --- who asks, and for what ------------------------------------------------------------------


def _call(chosen: Operation) -> Call:
    """Everything that can be said before the operation itself is asked. Raises ApiProblem."""
    token = _token()
    _limit(MOST_CALLS, "calls", str(token.id))
    if not token.may(chosen.scope):
        scope = chosen.scope.value
        raise ApiProblem(
            403,
            _("This key, or the person it speaks for, does not reach: %(scope)s", scope=scope),
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )
    accepts = request.accept_mimetypes
    if accepts and not accepts.best_match([chosen.media, MEDIA_TYPE]):
        raise ApiProblem(406, _("The answer is %(media)s.", media=chosen.media))
    query = _read_query(chosen.query)
    body = _read_body(chosen.body)
    key = _key() if chosen.takes_key else ""
    return Call(token, token.staff, query, body, network(request.remote_addr or ""), key)


def _token() -> ApiToken:
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    is_bearer = scheme.lower() == "bearer" and text.strip() != ""
    row = find_token(text.strip()) if is_bearer else None
    if row is not None:
        return _used(row)
    _limit(MOST_WRONG_KEYS, "wrong", client_of(request.remote_addr or ""))
    challenge = 'Bearer realm="vitrine"' + (', error="invalid_token"' if is_bearer else "")
    words = (
        _("This key opens nothing: it is mistyped, over, or its person's account is closed.")
        if is_bearer
        else _("Send the key: Authorization: Bearer …")
    )
    raise ApiProblem(401, words, headers={"WWW-Authenticate": challenge})


def _used(row: ApiToken) -> ApiToken:
    """`row`, whose use is noted now and then; a busy database keeps nobody waiting for it."""
    if was_used_lately(row):
        return row
    token_id = row.id
    try:
        with writing(wait_seconds=USE_WAITS_SECONDS):
            note_use(db.session.get_one(ApiToken, token_id))
    except SQLAlchemyError:
        db.session.rollback()
    return db.session.get_one(ApiToken, token_id)


def _limit(rate: RateLimitItem, *key: str) -> None:
    if _limiter.hit(rate, *key):
        return
    raise ApiProblem(
        429,
        _("At most %(count)s per minute. Wait a little.", count=rate.amount),
        headers={"Retry-After": "60"},
    )


def _read_query(wanted: type[BaseModel] | None) -> Any:
    """The query as `wanted`. A name that stands there twice is refused: one of them would be
    ignored without a word."""
    values: dict[str, Any] = {
        name: found[0] if len(found) == 1 else found for name, found in request.args.lists()
    }
    try:
        return (wanted or _Nothing).model_validate(values)
    except ValidationError as error:
        raise invalid(error) from None


def _read_body(wanted: type[BaseModel] | None) -> Any:
    if wanted is None:
        return None
    if request.mimetype != JSON:
        raise ApiProblem(415, _("Send JSON, with Content-Type: application/json"))
    # One byte more than we take: a chunked body is cut at the limit without a word.
    request.max_content_length = MOST_BODY_BYTES + 1
    body = request.get_data(cache=False, parse_form_data=False)
    if len(body) > MOST_BODY_BYTES:
        raise RequestEntityTooLarge
    try:
        return wanted.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise invalid(error) from None


def _key() -> str:
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > LONGEST_KEY:
        raise ApiProblem(422, _("Idempotency-Key: at most %(most)s characters.", most=LONGEST_KEY))
    return key


class _Nothing(BaseModel, extra="forbid"):
    """An operation without a query."""


for _path in dict.fromkeys(one.path for one in OPERATIONS):
    _open(_path, [one for one in OPERATIONS if one.path == _path])
