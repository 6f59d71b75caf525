"""The API does what its description says, under inputs nobody would think of (schemathesis).

More of them, for minutes instead of seconds: `API_EXAMPLES=300 pytest tests/integrators/api`.
"""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from core.db import db
from integrators.api import door
from integrators.api.operations import OPERATIONS
from tests.factories import make_store, make_vehicle
from tests.integrators.api.programs import make_lead, make_program, make_staff

EXAMPLES = int(os.environ.get("API_EXAMPLES", "6"))
NAMES = [one.name for one in OPERATIONS]


@pytest.fixture
def calls(app, client, monkeypatch):
    """The operations of the description as the site serves it, and a key for them."""
    for limit in ("MOST_CALLS", "MOST_WRONG_KEYS"):
        monkeypatch.setattr(door, limit, door.parse("1000000 per minute"))
    store = make_store()
    make_lead(store, vehicle_id=make_vehicle(store=store).id)
    program = make_program(client, make_staff("ana@loja.example"))
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    found = {
        one.ok().definition.raw["operationId"]: one.ok() for one in schema.get_all_operations()
    }
    return found, program.key


def test_everything_is_described(calls):
    assert set(calls[0]) == set(NAMES)


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("name", NAMES)
def test_it_does_what_it_says(calls, app, name, mode):
    found, key = calls

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=EXAMPLES < 100,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=found[name].as_strategy(generation_mode=mode))
    def check(case):
        case.call_and_validate(
            headers={"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
        )
        db.session.rollback()

    check()
