"""Feeds as portals fetch them: true at every pull, cheap when nothing changed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from core.db import db, writing
from integrators import accounts
from integrators.feeds import refreshing
from integrators.feeds.addresses import feed_addresses
from integrators.listings.rules import Rules, change_rules
from integrators.listings.switches import set_switch
from integrators.models import FeedPull, PortalAccount
from tests.integrators.feeds.conftest import public_ids

NAMES = ("estoque.xml", "estoque.json", "estoque.csv", "meta-automotive.xml", "carrosp.xml",
         "usadosbr.xml")  # fmt: skip


def account() -> PortalAccount:
    row = db.session.scalars(sa.select(PortalAccount)).first()
    assert row is not None
    return row


def test_a_sold_car_is_gone_at_the_next_pull_of_every_feed(reader, stock, change):
    kept, sold, reserved = stock()
    gone = public_ids(sold, reserved)
    for name in NAMES:
        assert all(one in reader.text(name) for one in gone)
    change(sold, state="sold")
    change(reserved, state="reserved")
    for name in NAMES:
        text = reader.text(name)
        assert not any(one in text for one in gone), name
        assert public_ids(kept)[0] in text


def test_a_promotion_ends_at_midnight_where_the_store_is(reader, stock):
    with time_machine.travel(datetime(2026, 11, 20, 12, tzinfo=UTC), tick=False) as clock:
        stock(2, promo_price_cents=60_000_00, promo_until=datetime(2026, 11, 20).date())
        assert reader.prices() == ["60000.00"] * 2
        clock.move_to(datetime(2026, 11, 21, 2, 59, tzinfo=UTC))
        assert reader.prices() == ["60000.00"] * 2
        clock.move_to(datetime(2026, 11, 21, 3, 0, tzinfo=UTC))
        assert reader.prices() == [None, None]


def test_who_has_the_feed_already_is_told_so(reader, stock, change):
    ids = stock()
    first = reader.get("estoque.xml")
    assert first.content_length == len(first.data)
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["X-Robots-Tag"] == "noindex"
    assert "Set-Cookie" not in first.headers
    tag, since = first.headers["ETag"], first.headers["Last-Modified"]
    assert not tag.startswith("W/")
    for asked in ({"If_None_Match": tag}, {"If_Modified_Since": since}):
        again = reader.get("estoque.xml", **asked)
        assert (again.status_code, again.data) == (304, b"")
    change(ids[0], mileage_km=1)
    for asked in ({"If_None_Match": tag}, {"If_Modified_Since": since}):
        assert reader.get("estoque.xml", **asked).status_code == 200


def test_packed_and_plain_are_the_same_feed_under_two_tags(reader, stock, change):
    ids = stock(4)
    for _ in range(2):
        plain, packed = (
            reader.get("estoque.json"),
            reader.get("estoque.json", Accept_Encoding="gzip"),
        )
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.content_length == len(packed.data)
        assert reader.unpacked(packed) == plain.text
        assert packed.headers["ETag"] != plain.headers["ETag"]
        assert "Accept-Encoding" in packed.headers["Vary"]
        change(ids.pop(), state="sold")


def test_head_tells_the_size_and_is_no_pull(reader, stock):
    stock()
    size = len(reader.get("estoque.xml").data)
    with reader.client.head(f"/feeds/{reader.token}/estoque.xml") as answer:
        assert (answer.status_code, answer.data, answer.content_length) == (200, b"", size)
    assert len(reader.pulls) == 1


def test_unchanged_stock_costs_one_statement_and_a_change_elsewhere_no_new_feed(
    reader, stock, change, statements
):
    ids = stock(2)
    draft = stock(1, state="draft", published_at=None)[0]
    tag = reader.get("estoque.xml").headers["ETag"]
    reader.pulls  # noqa: B018
    for _ in range(2):
        statements.clear()
        assert reader.get("estoque.xml").headers["ETag"] == tag
        sent = [one.partition(" ")[0] for one in statements if not one.startswith("SET")]
        assert sent == ["SELECT", "INSERT"]  # where we stand, and the note of the pull
        change(draft, mileage_km=5)
        assert reader.get("estoque.xml").headers["ETag"] == tag
    change(ids[0], mileage_km=5)
    assert reader.get("estoque.xml").headers["ETag"] != tag


def test_the_rules_and_switches_of_the_account_hold(reader, stock):
    cheap, dear = stock(1, price_cents=30_000_00) + stock(1, price_cents=90_000_00)
    assert reader.ids() == public_ids(cheap, dear)
    with writing():
        change_rules(account(), Rules(price_max_cents=50_000_00, extra_text="Fale com a Ana."))
    assert reader.ids() == public_ids(cheap)
    assert "Fale com a Ana." in reader.text("estoque.xml")
    with writing():
        set_switch(account(), [cheap], "never")
        set_switch(account(), [dear], "always")
    assert reader.ids() == public_ids(dear)


def test_links_tell_pages_which_feed_they_stand_in(reader, stock):
    stock(1)
    (car,) = reader.json()["veiculos"]
    assert car["url"].startswith("http://localhost/oferta/")
    assert (
        f"utm_source=estoque&utm_medium=classificados&utm_campaign=conta-{reader.account_id}"
        in (car["url"])
    )
    assert "utm_source=meta&amp;" in reader.text("meta-automotive.xml")
    assert car["fotos"][0].startswith("http://localhost/")


def test_an_address_that_staff_see_again_ends_a_week_after_the_change(reader, stock, client):
    stock(1)
    path = feed_addresses(account())["estoque.xml"].removeprefix("http://localhost")
    token = path.split("/")[2]
    assert client.get(path).status_code == 200
    assert client.post(f"/webhooks/generic/{token}", json={}).status_code == 404
    with time_machine.travel(datetime(2027, 1, 1, tzinfo=UTC), tick=True) as clock:
        with writing():
            accounts.rotate(account())
        fresh = feed_addresses(account())["estoque.xml"].removeprefix("http://localhost")
        assert fresh != path
        paths = (path, fresh, f"/feeds/{reader.token}/estoque.xml")
        assert [client.get(one).status_code for one in paths] == [200, 200, 200]
        clock.move_to(datetime(2027, 1, 9, tzinfo=UTC))
        assert [client.get(one).status_code for one in paths] == [404, 200, 404]
    with writing():
        accounts.archive(account())
    assert client.get(fresh).status_code == 404


@pytest.mark.parametrize("name", ["nada.xml", "google-vehicles.xml", "../estoque.xml"])
def test_what_is_not_there_is_not_there(reader, stock, client, register, name):
    stock(1)
    other = register("olx", name="OLX").token
    for token in (reader.token, other, "x" * 32, f"feed-{reader.account_id}-{'0' * 40}", "feed-1-"):
        assert client.get(f"/feeds/{token}/{name}").status_code == 404
    assert client.get(f"/feeds/{other}/estoque.xml").status_code == 404


def test_the_chassis_goes_out_only_where_somebody_said_so(reader, stock, client, register):
    vin = "9BWZZZ377VT004251"
    stock(1, vin=vin, license_plate="ABC1D23", renavam="12345678900")
    refused = reader.get("google-vehicles.xml")
    assert (refused.status_code, vin in refused.text) == (404, False)
    for name in NAMES:
        text = reader.text(name)
        assert not any(secret in text for secret in (vin, "ABC1D23", "ABC-1D23", "12345678900"))
    told = register("generic", name="Google", chassis="1")
    text = client.get(f"/feeds/{told.token}/google-vehicles.xml").text
    assert f"<g:vin>{vin}</g:vin>" in text
    assert "ABC1D23" not in text
    assert "12345678900" not in text


def test_pulls_are_noted_and_old_ones_forgotten(reader, stock, app, monkeypatch):
    stock(2)
    tag = reader.get("estoque.xml", User_Agent="Portal/1.0").headers["ETag"]
    reader.get("estoque.xml", If_None_Match=tag)
    first, second = reader.pulls
    assert (first.status, first.vehicles, first.agent) == (200, 2, "Portal/1.0")
    assert first.bytes_sent > 500
    assert (second.status, second.bytes_sent) == (304, 0)
    assert first.stock_version == second.stock_version > 0
    monkeypatch.setattr("integrators.feeds.pulls.KEPT", 1)
    refreshing.JOBS["refresh_feeds"]({})
    assert [pull.id for pull in reader.pulls] == [second.id]


def test_feeds_in_use_are_made_before_they_are_fetched(reader, stock, change, work):
    ids = stock(2)
    reader.ids()
    change(ids[0], state="sold")
    row = account()
    standing = {one.name: one for one in refreshing.standings(row)}["estoque.xml"]
    assert (standing.vehicles, standing.is_true, standing.is_fetched) == (2, False, True)
    refreshing.JOBS["refresh_feeds"]({})
    work()
    standing = {one.name: one for one in refreshing.standings(account())}["estoque.xml"]
    assert (standing.vehicles, standing.is_true) == (1, True)
    assert {pull.name for pull in db.session.scalars(sa.select(FeedPull))} == {"estoque.xml"}


def test_files_of_feeds_that_nobody_may_open_are_removed(reader, stock, register, client):
    stock(1)
    told = register("generic", name="Google", chassis="1")
    with client.get(f"/feeds/{told.token}/google-vehicles.xml"):
        pass
    reader.ids()
    folder = reader.feed().path.parent.parent
    assert len(list(folder.glob("*/*.xml"))) == 2
    with writing() as session:
        accounts.change_settings(session.get(PortalAccount, told.account.id), {"chassis": ""})
    refreshing.JOBS["refresh_feeds"]({})
    assert list(folder.glob("*/*.xml")) == [reader.feed().path]
    with writing() as session:
        accounts.archive(session.get(PortalAccount, reader.account_id))
    refreshing.JOBS["refresh_feeds"]({})
    assert list(folder.glob("*/*.xml")) == []


def test_no_answer_keeps_its_file_open(reader, stock):
    stock(2)
    tag = reader.get("estoque.xml").headers["ETag"]
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        reader.get("estoque.xml", Accept_Encoding="gzip")
        reader.get("estoque.xml", If_None_Match=tag)
        with reader.client.head(f"/feeds/{reader.token}/estoque.xml"):
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_an_account_added_by_command_is_told_where_its_feeds_are(app, client, stock):
    stock(1)
    run = app.test_cli_runner().invoke
    lines = run(args=["portals", "add", "generic", "--name", "CarroSP"]).output.splitlines()
    accounts.forget_copies()
    (address,) = [line.split()[-1] for line in lines if line.endswith("/carrosp.xml")]
    assert client.get(address).status_code == 200
    token = lines[-1].rpartition("/")[2]
    assert client.get(f"/feeds/{token}/estoque.csv").status_code == 200


def test_without_a_database_the_portal_is_asked_to_come_again(reader, stock):
    stock(1)
    whole = reader.ids()

    def gone(*_args):
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("gone"))

    sa.event.listen(db.engine, "before_cursor_execute", gone)
    try:
        answer = reader.get("estoque.xml")
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", gone)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert reader.ids() == whole
