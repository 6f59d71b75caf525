import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import etree

from core.db import db, writing
from integrators.feeds.addresses import of_account
from integrators.feeds.feed import Feed
from integrators.feeds.names import DIALECTS
from integrators.models import FeedPull
from inventory.models import Photo, Vehicle
from inventory.stock_version import touch
from tests.factories import make_vehicle


@pytest.fixture(autouse=True)
def no_feeds_of_before(app):
    yield
    shutil.rmtree(Path(app.extensions["vitrine"].instance_dir) / "feeds", ignore_errors=True)


@pytest.fixture
def change(app) -> Callable[..., None]:
    """Changes a car as staff do."""

    def to(vehicle_id: int, **values: Any) -> None:
        db.session.rollback()
        with writing() as session:
            vehicle = session.get(Vehicle, vehicle_id)
            for name, value in values.items():
                setattr(vehicle, name, value)
            touch([vehicle])

    return to


@pytest.fixture
def stock(app) -> Callable[..., list[int]]:
    """Makes cars with a photo; their ids."""

    def make(count: int = 3, **values: Any) -> list[int]:
        ids = [make_vehicle(**values).id for _ in range(count)]
        with writing() as session:
            session.add_all(
                Photo(vehicle_id=one, state="ready", position=place, renditions=_renditions(one))
                for one in ids
                for place in range(2)
            )
        return ids

    return make


def _renditions(number: int) -> dict[str, Any]:
    return {"stem": f"ab/{number:06x}", "widths": [640, 960, 1280, 1920], "formats": ["jpg"]}


class Reader:
    """An account whose feeds are read as its portal reads them."""

    def __init__(self, client, registered) -> None:
        self.client = client
        self.account_id = registered.account.id
        self.token = registered.token

    def get(self, name: str, **headers: str):
        path = f"/feeds/{self.token}/{name}"
        with self.client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()}
                             ) as answer:  # fmt: skip
            answer.data  # noqa: B018  (read it before it is closed)
        return answer

    def text(self, name: str) -> str:
        answer = self.get(name)
        assert answer.status_code == 200, answer.data
        return answer.text

    def ids(self, name: str = "estoque.xml") -> list[str]:
        root = etree.fromstring(self.text(name).encode())
        return [one.text for one in root.iterfind("veiculo/id")]

    def prices(self) -> list[str | None]:
        root = etree.fromstring(self.text("estoque.xml").encode())
        return [one.findtext("preco_promocional") for one in root.iterfind("veiculo")]

    def json(self) -> dict[str, Any]:
        return json.loads(self.text("estoque.json"))

    def unpacked(self, answer) -> str:
        return gzip.decompress(answer.data).decode()

    def feed(self, name: str = "estoque.xml") -> Feed:
        opened = of_account(self.account_id)
        assert opened is not None
        db.session.rollback()
        return Feed.of(opened, DIALECTS[name])

    @property
    def pulls(self) -> list[FeedPull]:
        db.session.rollback()
        return list(db.session.scalars(sa.select(FeedPull).order_by(FeedPull.id)))


@pytest.fixture
def reader(client, register) -> Reader:
    return Reader(client, register("generic", name="Portal"))


def public_ids(*ids: int) -> list[str]:
    """Their public ids, in order of id."""
    rows = db.session.execute(
        sa.select(Vehicle.public_id).where(Vehicle.id.in_(ids)).order_by(Vehicle.id)
    )
    found = [row[0] for row in rows]
    db.session.rollback()
    return found
