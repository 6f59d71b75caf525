"""Testimonials of ours on campaign pages: as they are now, gone with their permission."""

from flask.testing import FlaskClient

from content import consents, models
from core.db import db, writing
from tests.factories import make_vehicle
from tests.landing.pages import content, make_page


def put_up(number: int) -> None:
    block = {"kind": "testimonial", "heading": "Quem comprou", "items": [{"testimonial": number}]}
    make_page(content(block), slug="feirao")


def test_a_quote_of_ours_follows_its_testimonial(client: FlaskClient):
    make_vehicle()
    with writing() as session:
        consent = consents.give("Renata", covers_image=False, channel="link")
        row = models.Testimonial(
            text="Muito bom.", name="Renata M.", city="Campinas", month="2026-09",
            state="published", consent=consent, created_by="convite",
        )  # fmt: skip
        session.add(row)
        session.flush()
        number = row.id
    put_up(number)
    assert "Muito bom." in client.get("/lp/feirao").text
    with writing():
        db.session.get(models.Testimonial, number).text = "Bom demais."
    assert "Bom demais." in client.get("/lp/feirao").text
    with writing():
        consents.revoke(db.session.get(models.Testimonial, number).consent, by="convite")
    page = client.get("/lp/feirao")
    assert page.status_code == 200
    assert "Bom demais." not in page.text
    assert "Quem comprou" not in page.text
