"""What portals tell of ads by themselves ends in the listing, and decides nothing."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from integrators.listings.noticing import noticed
from integrators.models import Listing
from integrators.portals.portal import Remote, RemoteAd
from tests.integrators.events import mercadolivre_note


@pytest.fixture
def olx(register):
    return register("olx", access_token="a", lead_token="segredo-olx")


def listing(account_id, key="v1-a", external_id="", **values):
    with writing() as session:
        session.add(
            Listing(account_id=account_id, key=key, external_id=external_id, parts={}, **values)
        )


def only() -> Listing:
    db.session.rollback()
    return db.session.scalars(sa.select(Listing)).one()


def notice(status="expired", key="v1-a", list_id=1400000001):
    return {
        "id": f"n-{status}-{list_id}",
        "topic": "AD_STATUS",
        "data": {"ad": {"id": key, "list_id": list_id, "status": status},
                 "actions": {"view": f"https://www.olx.com.br/vi/{list_id}.htm"}},
    }  # fmt: skip


def post(client, account, event, work):
    answer = client.post(account.path, json=event, headers={"Authorization": "segredo-olx"})
    assert answer.status_code == 200
    work()


def test_olx_tells_how_an_ad_stands(client, olx, work, look):
    listing(olx.account.id, remote="online")
    post(client, olx, notice(), work)
    row = only()
    assert (row.remote, row.substate) == ("expired", "expired")
    assert row.url == "https://www.olx.com.br/vi/1400000001.htm"
    assert row.checked_at is not None
    assert look.enquiries == []
    assert look.submissions[0].state == "done"


def test_of_ads_that_are_not_ours_nothing_is_kept(client, olx, work):
    listing(olx.account.id, key="v1-b", external_id="7", remote="online")
    post(client, olx, notice(), work)
    assert only().checked_at is None


def test_a_notice_of_an_older_ad_says_nothing(client, olx, work):
    listing(olx.account.id, external_id="1400000002", remote="online")
    post(client, olx, notice("deleted"), work)
    assert only().remote == "online"


def test_a_late_notice_says_nothing(app, olx):
    listing(olx.account.id, remote="online", checked_at=now())
    with writing():
        noticed(olx.account.id, RemoteAd("", "v1-a", Remote.OFFLINE), now() - timedelta(hours=1))
    assert only().remote == "online"


def test_who_waits_for_the_portal_asks_it_now(app, olx):
    listing(olx.account.id, remote="processing", due_at=now() + timedelta(hours=1))
    with writing():
        noticed(olx.account.id, RemoteAd("9", "v1-a", Remote.ONLINE))
    row = only()
    assert (row.remote, row.due_at <= now()) == ("processing", True)


def test_mercado_livre_says_that_something_changed(client, register, work):
    account = register(
        "mercadolivre", client_id="3", client_secret="s", refresh_token="r", user_id="44"
    )
    listing(account.account.id, external_id="MLB1", remote="online")
    note = mercadolivre_note(
        topic="items", resource="/items/MLB1", application_id=3, user_id=44, _id="n1"
    )
    assert client.post(account.path, json=note).status_code == 200
    work()
    row = only()
    assert (row.remote, row.due_at is not None) == ("online", True)
