"""The table of all the API does: the door answers from it, its description is written from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flask import Response
from pydantic import BaseModel

from dealership.staff import StaffMember
from integrators.api.tokens import ApiToken, Scope

JSON: Final = "application/json"
Answer = BaseModel | Response


@dataclass(frozen=True)
class Call:
    """One request that may be answered: whose key, what was asked. `network` is the caller's
    address, shortened; `key` the header Idempotency-Key."""

    token: ApiToken
    staff: StaffMember
    query: Any
    body: Any
    network: str
    key: str


Run = Callable[..., Answer]
View = TypeVar("View", bound=Run)


@dataclass(frozen=True)
class Operation:
    """`method` at `path` ("/leads/{lead_id}"), for keys with `scope`."""

    method: str
    path: str
    scope: Scope
    run: Run
    summary: str
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    problems: tuple[int, ...] = ()  # besides those that every operation has
    media: str = JSON
    has_etag: bool = False
    takes_key: bool = False

    @property
    def name(self) -> str:
        return self.run.__name__


OPERATIONS: Final[list[Operation]] = []


def operation(method: str, path: str, scope: Scope, **facts: Any) -> Callable[[View], View]:
    """Register a function as what answers; its first line says what it does."""

    def register(run: View) -> View:
        summary = (run.__doc__ or "").strip().partition("\n")[0]
        OPERATIONS.append(Operation(method, path, scope, run, summary, **facts))
        return run

    return register
