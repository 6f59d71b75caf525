"""The description of the API (OpenAPI 3.1), written from the table of operations."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from integrators.api.operations import JSON, Operation
from integrators.api.problems import MEDIA_TYPE, ProblemDetails
from integrators.api.tokens import NEEDS, Scope

# What every operation may answer; 413 and 415 only where there is a body.
ALWAYS: Final = (401, 403, 405, 406, 422, 429, 500, 503)
WITH_BODY: Final = (400, 413, 415)
_MEANINGS: Final = {
    400: "The body is not JSON.",
    401: "No key, or one that opens nothing.",
    403: "The key, or the person it speaks for, does not reach that far.",
    404: "Not there, or not for this key.",
    405: "The address does not do that; `Allow` says what it does.",
    406: "`Accept` names no form that this comes in.",
    409: "Somebody else was faster.",
    413: "The body is larger than 64 KiB.",
    415: "The body is not application/json.",
    422: "Something in the query or body does not fit; `errors` says what.",
    429: "More than 600 calls a minute with this key.",
    500: "Our mistake.",
    503: "Not now: try again after `Retry-After` seconds.",
}
_ABOUT: Final = (
    "The stock and the leads of the dealership, for other systems. Prices are integer cents, "
    "mileage is km, instants are RFC 3339. Names that are not described here are refused in what "
    "you send; fields may be added to what you get. Keys: `flask --app wsgi api-token create`."
)
_PARAMETERS: Final = {
    "lead_id": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    "vehicle_id": {"type": "string", "pattern": "^[a-z0-9]{1,12}$"},
}


@cache
def _models(operations: Sequence[Operation]) -> tuple[dict[Any, Any], dict[str, Any]]:
    wanted: list[tuple[type[BaseModel], Any]] = [(ProblemDetails, "serialization")]
    for one in operations:
        if one.answer:
            wanted.append((one.answer, "serialization"))
        if one.body:
            wanted.append((one.body, "validation"))
    template = "#/components/schemas/{model}"
    names, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template=template)
    return names, definitions["$defs"]


@cache
def _document(operations: tuple[Operation, ...]) -> str:
    return json.dumps(_described(operations), ensure_ascii=False)


def text(operations: Iterable[Operation]) -> str:
    """The document as JSON."""
    return _document(tuple(operations))


def _described(operations: tuple[Operation, ...]) -> dict[str, Any]:
    names, schemas = _models(operations)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vitrine", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/api/v1"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Scopes: "
                    + ", ".join(f"`{scope.value}` ({NEEDS[scope].value})" for scope in Scope),
                }
            },
            "responses": {str(status): _problem(status, names) for status in _MEANINGS},
        },
    }


def _problem(status: int, names: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": _MEANINGS[status],
        "content": {MEDIA_TYPE: {"schema": names[(ProblemDetails, "serialization")]}},
    }
    headers = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}
    if status in headers:
        found["headers"] = {headers[status]: {"schema": {"type": "string"}}}
    return found


def _operation(one: Operation, names: dict[Any, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {one.media: {}}
    if one.answer:
        content = {one.media: {"schema": names[(one.answer, "serialization")]}}
    elif one.media != JSON:
        content = {one.media: {"schema": {"type": "string"}}}
    responses: dict[str, Any] = {str(one.status): {"description": "Done.", "content": content}}
    if one.has_etag:
        responses["304"] = {"description": "Nothing changed since `If-None-Match`."}
    problems = {*ALWAYS, *one.problems, *(WITH_BODY if one.body else ())}
    for status in sorted(problems):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    found: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "description": f"Needs the scope `{one.scope.value}`.",
        "parameters": [*_in_path(one), *_in_query(one), *_in_header(one)],
        "responses": responses,
    }
    if one.body:
        schema = names[(one.body, "validation")]
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return found


def _in_path(one: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in _PARAMETERS.items()
        if f"{{{name}}}" in one.path
    ]


def _in_query(one: Operation) -> list[dict[str, Any]]:
    if one.query is None:
        return []
    found = []
    for name, schema in one.query.model_json_schema()["properties"].items():
        plain = dict(schema)
        # A query cannot say null: what may be left out is left out.
        choices = [choice for choice in plain.pop("anyOf", []) if choice != {"type": "null"}]
        for choice in choices:
            plain |= choice
        if plain.get("default", 0) is None:
            del plain["default"]
        plain.pop("title", None)
        described = plain.pop("description", "")
        found.append({"name": name, "in": "query", "description": described, "schema": plain})
    return found


def _in_header(one: Operation) -> list[dict[str, Any]]:
    if not one.takes_key:
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The same key and body again add nothing.",
            "schema": {"type": "string", "maxLength": 200},
        }
    ]
