"""The demo's own words: whole, lawful, allowed, and written once."""

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from content.models import Document
from core.db import db
from demo.content import write_content


def test_the_demo_writes_its_content_once_and_all_of_it_is_public(app: Flask, client: FlaskClient):
    write_content(with_pictures=False)
    write_content(with_pictures=False)
    assert db.session.scalar(sa.select(sa.func.count(Document.id))) == 5
    for path in ("/blog", "/blog/historia/renata-ganhou-duas-horas-por-dia",
                 "/p/garantia-e-vistoria", "/depoimentos",
                 "/blog/o-que-conferir-antes-de-comprar-um-seminovo"):  # fmt: skip
        assert client.get(path).status_code == 200, path
    assert client.get("/depoimentos").text.count("said-one") == 6
