"""The pages behind the links in our mails, and the mails themselves in development."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from core.db import db, writing
from leads import consent, letters, subscriptions
from leads.models import Mail, Person, Subscription
from leads.people import find_or_create_person
from tests.factories import make_store, make_vehicle


def make_subscription(kind: str = "newsletter", *, name: str = "Ana", vehicle=None) -> str:
    with writing() as session:
        person = find_or_create_person(name=name, email=f"{name.lower()}@example.com")
        car = session.merge(vehicle) if vehicle else None
        return subscriptions.subscribe(person, kind, vehicle=car).token


def has_ended(token: str) -> bool:
    db.session.rollback()
    found = db.session.scalars(sa.select(Subscription).where(Subscription.token == token)).one()
    return found.ended_at is not None


def test_opening_a_link_changes_nothing(client):
    token = make_subscription()
    for path in ("descadastrar", "novidades", "preferencias"):
        for method in (client.get, client.head):
            assert method(f"/{path}/{token}").status_code == 200
    assert not has_ended(token)
    assert subscriptions.find(token).confirmed_at is None


def test_a_mail_program_leaves_with_one_post_and_no_cookie(client):
    token = make_subscription()
    for _time in range(2):
        answer = client.post(
            f"/descadastrar/{token}",
            data="List-Unsubscribe=One-Click",
            content_type="application/x-www-form-urlencoded",
        )
        assert answer.status_code == 200, "no redirect is followed"
        assert "Set-Cookie" not in answer.headers
    assert has_ended(token)


def test_a_post_from_another_site_may_leave_too(client):
    """A mail program in the browser is another site."""
    token = make_subscription()
    answer = client.post(f"/descadastrar/{token}", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert has_ended(token)


def test_a_form_in_parts_leaves_as_well(client):
    """RFC 8058 lets the program send multipart/form-data."""
    token = make_subscription()
    data = {"List-Unsubscribe": "One-Click"}
    answer = client.post(f"/descadastrar/{token}", data=data, content_type="multipart/form-data")
    assert answer.status_code == 200
    assert has_ended(token)


def test_the_newsletter_begins_with_the_button(client):
    token = make_subscription()
    page = client.get(f"/novidades/{token}").text
    assert consent.current_text("newsletter").text in page
    mark = consent.current_text("newsletter").mark
    answer = client.post(f"/novidades/{token}", data={"texto": mark})
    assert answer.status_code == 303
    assert answer.location == f"/novidades/{token}"
    assert subscriptions.find(token).confirmed_at
    confirmed = client.get(f"/novidades/{token}").text
    assert 'method="post"' not in confirmed.split("</main>")[0]
    assert "<title>Confirmado" in confirmed


def test_another_site_confirms_nothing(client):
    token = make_subscription()
    answer = client.post(f"/novidades/{token}", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert subscriptions.find(token).confirmed_at is None


def test_an_alerts_link_confirms_no_newsletter(client):
    token = make_subscription("price_alert", vehicle=make_vehicle())
    assert client.get(f"/novidades/{token}").status_code == 404


def test_preferences_show_everything_and_stop_one_or_all(client):
    vehicle = make_vehicle()
    token = make_subscription()
    alert = make_subscription("price_alert", vehicle=vehicle)
    page = client.get(f"/preferencias/{token}").text
    assert "Chevrolet Onix" in page
    assert "a•••@example.com" in page
    assert "ana@example.com" not in page
    answer = client.post(f"/preferencias/{token}", data={"parar": alert})
    assert (answer.status_code, answer.location) == (303, f"/preferencias/{token}")
    assert has_ended(alert)
    assert not has_ended(token)
    client.post(f"/preferencias/{token}", data={"tudo": "1"})
    assert has_ended(token)
    assert client.get(f"/preferencias/{token}").status_code == 200


def test_nobody_stops_another_persons_messages_from_their_own_page(client):
    mine = make_subscription(name="Ana")
    theirs = make_subscription(name="Bia")
    client.post(f"/preferencias/{mine}", data={"parar": theirs})
    assert not has_ended(theirs)


@pytest.mark.parametrize("path", ["descadastrar", "novidades", "preferencias"])
@pytest.mark.parametrize("token", ["x", "A" * 43, "%01", "a'--", "😀"])
def test_an_unknown_link_says_what_to_do(client, path, token):
    for method in (client.get, client.post):
        answer = method(f"/{path}/{token}")
        assert answer.status_code == 404
        assert "SAIR" in answer.text


def test_the_address_is_a_secret(client):
    token = make_subscription()
    for path in ("descadastrar", "novidades", "preferencias"):
        answer = client.get(f"/{path}/{token}")
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer.headers["X-Robots-Tag"]


def test_every_mail_can_be_looked_at_in_development(client):
    make_store()
    token = make_subscription("price_alert", vehicle=make_vehicle())
    record = subscriptions.compose_subscription_mail(
        {"kind": "alert_set", "subscription_id": subscriptions.find(token).id}
    )
    with writing():
        record()
    row = db.session.scalars(sa.select(Mail)).one()
    listed = client.get("/_emails")
    assert f"/_emails/{row.id}" in listed.text
    shown = client.get(f"/_emails/{row.id}")
    assert "List-Unsubscribe" in shown.text
    assert "frame-src 'self'" in shown.headers["Content-Security-Policy"]
    html = client.get(f"/_emails/{row.id}/html")
    assert html.text == row.html
    policy = html.headers["Content-Security-Policy"]
    assert "script" not in policy.replace("default-src 'none'", "")
    assert "sandbox" in policy
    for unknown in ("999999", "9" * 15):
        assert client.get(f"/_emails/{unknown}").status_code == 404


def test_mails_are_not_shown_in_production(app, client, monkeypatch):
    with writing():
        letters.post(
            letters.Letter(key="x", kind="x", to="a@example.com", subject="x", text="x", html="x")
        )
    number = db.session.scalars(sa.select(Mail.id)).one()
    config = replace(app.extensions["vitrine"], env="production")
    monkeypatch.setitem(app.extensions, "vitrine", config)
    for path in ("/_emails", f"/_emails/{number}", f"/_emails/{number}/html"):
        assert client.get(path).status_code == 404


def test_leaving_works_for_somebody_who_was_erased(client):
    token = make_subscription()
    with writing() as session:
        person = session.scalars(sa.select(Person)).one()
        person.name = person.email = ""
    assert client.post(f"/descadastrar/{token}").status_code == 200


def test_mails_are_not_shown_where_others_look(app, client, monkeypatch):
    config = replace(app.extensions["vitrine"], base_url="https://loja.example.com.br")
    monkeypatch.setitem(app.extensions, "vitrine", config)
    assert client.get("/_emails").status_code == 404


def test_mails_are_shown_on_this_machine_only(client):
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    assert client.get("/_emails").status_code == 200
    assert client.get("/_emails", environ_overrides=elsewhere).status_code == 404
