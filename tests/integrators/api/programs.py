"""Programs that use the API: a key, and a client that sends it."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.db import writing
from dealership.models import Store
from dealership.roles import Role
from dealership.staff import StaffMember, create_staff
from integrators.api.tokens import Scope, create_token
from leads.capture import Arrival, insert
from leads.intake import Asked, enter
from leads.models import Lead

ALL = tuple(Scope)


class Program:
    """Calls the API with one key."""

    def __init__(self, client: FlaskClient, key: str) -> None:
        self._client, self.key = client, key

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, json=body, **options)

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        return self._client.open(f"/api/v1{path}", method=method, headers=headers, **options)


def make_staff(email: str, role: Role = Role.OWNER, *stores: Store) -> StaffMember:
    with writing() as session:
        return create_staff(email, role, name="Ana", stores=[session.merge(one) for one in stores])


def make_program(
    client: FlaskClient, staff: StaffMember, scopes: tuple[Scope, ...] = ALL
) -> Program:
    with writing() as session:
        _row, key = create_token(session.merge(staff), scopes, by="command")
    return Program(client, key)


def make_lead(store: Store | None = None, **asked: Any) -> Lead:
    """A lead in the queue; `asked` as in leads.intake.Asked."""
    facts = {"name": "Rui Prado", "phone": "11987654321", "email": "rui@example.com"}
    values = {"source": "form:contato", "kind": "contact", "message": "Tem garantia?", **facts}
    values |= {"store_id": store.id if store else None} | asked
    mark = f"{values['phone']}{values['message']}"
    arrival = Arrival(source="form:contato", idem_key=mark, payload={}, kind="test")
    with writing() as session:
        insert(arrival)
        return session.get_one(Lead, enter(Asked(**values), arrival.id).lead_id)
