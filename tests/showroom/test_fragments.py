"""Ready pieces: the same page as without them, and never an old one."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from content.page_texts import OwnWords, offer_key, set_words
from core.clock import now, today
from core.db import db, writing
from core.site_memory import remember_at_once, remember_nothing
from dealership.models import Banner, Dealership, OpeningInterval, Store
from inventory.editing import revise_vehicle
from inventory.lifecycle import move
from inventory.models import Photo, Vehicle
from inventory.provenance import Answer, record_provenance
from inventory.stock_version import touch
from leads.consent import MARKETING, NOTICE, publish_text
from leads.forms import InterestForm
from leads.pipeline.holds import WaitingPlace
from showroom import fragments
from showroom.fragments import MOST_BYTES, Shelf
from tests.factories import make_vehicle


@pytest.fixture(autouse=True)
def as_in_use(app: Flask) -> Iterator[None]:
    """What the rest of the suite does without: memory of the house, and ready pieces."""
    remember_at_once(app)
    app.extensions["vitrine_fragments"] = Shelf(MOST_BYTES)
    yield
    remember_nothing(app)
    app.extensions["vitrine_fragments"] = None


def read(client, path: str) -> str:
    """The page, without what each form is given anew."""
    text = client.get(path).text
    text = re.sub(r'(name="(?:submission_id|carimbo)" type="hidden" value=)"[^"]*"', r"\1", text)
    assert fragments._MARK not in text
    return text


def read_plain(app: Flask, client, path: str) -> str:
    """The same with nothing kept."""
    names = ("vitrine_fragments", "vitrine_site_memory")
    kept = {name: app.extensions[name] for name in names}
    remember_nothing(app)
    app.extensions["vitrine_fragments"] = None
    try:
        return read(client, path)
    finally:
        app.extensions.update(kept)


def path_of(vehicle: Vehicle) -> str:
    return f"/oferta/{vehicle.slug}-{vehicle.public_id}"


def test_pages_are_the_same_with_and_without_ready_pieces(app, client):
    cars = [
        make_vehicle(),
        make_vehicle(promo_price_cents=60_000_00, promo_until=now().date()),
        make_vehicle(condition="new", mileage_km=0, published_at=now() - timedelta(days=8)),
        make_vehicle(history={"single_owner": True, "auction": False}, trim=None, color=None),
        make_vehicle(description='"Um" <b>só</b> & dono\nCarro do mês', features=["air_bag"]),
        make_vehicle(mileage_km=None, transmission=None),
    ]
    with writing() as session:
        move(session.get(Vehicle, cars[0].id), "reserved", by="test")
        move(session.get(Vehicle, cars[2].id), "sold", by="test")
    paths = ["/", "/estoque", "/estoque?condicao=novo&condicao=nada", *map(path_of, cars)]
    for path in paths:
        first, again = read(client, path), read(client, path)
        assert first == again == read_plain(app, client, path), path


def test_a_change_reaches_every_piece_at_once(client):
    car = make_vehicle(price_cents=80_000_00)
    other = make_vehicle(price_cents=81_000_00)
    paths = ("/", "/estoque", path_of(other))
    for path in paths:
        assert "R$\xa080.000" in read(client, path)
    with writing() as session:
        row = session.get(Vehicle, car.id)
        row.price_cents = 77_700_00
        touch([row])
    for path in paths:
        text = read(client, path)
        assert "R$\xa077.700" in text, path
        assert "R$\xa080.000" not in text, path
    with writing() as session:
        session.add(Dealership(id=1, name="Casa Nova Veículos"))
    for path in paths:
        assert "<h2>Casa Nova Veículos</h2>" in read(client, path)
    with writing() as session:
        move(session.get(Vehicle, car.id), "sold", by="test")
    for path in paths:
        assert path_of(car) not in read(client, path)


def _revise(number: int, **changes: object) -> None:
    revise_vehicle(db.session.get_one(Vehicle, number), changes, by="test")


def _answer_provenance(number: int) -> None:
    vehicle = db.session.get_one(Vehicle, number)
    record_provenance(
        vehicle, {"lien": Answer(answer="clear", source="Detran-SP", checked_on=today())}, by="test"
    )


def _set_store(**values: object) -> None:
    for name, value in values.items():
        setattr(db.session.scalars(sa.select(Store)).one(), name, value)


def _hang_photo(number: int) -> None:
    made = {"stem": "a" * 64, "widths": [320, 640], "formats": ["avif", "webp", "jpg"]}
    vehicle = db.session.get_one(Vehicle, number)
    db.session.add(
        Photo(
            vehicle_id=number, position=0, state="ready", digest="a" * 64, width_px=640,
            height_px=480, renditions=made,
        )
    )  # fmt: skip
    touch([vehicle])


WORDS = OwnWords(title="Um título que a própria loja escreveu")
# Each shows on the page of the first car: its own, another's, the house's.
CHANGES = {
    "a price": (lambda one, _other: _revise(one, price_cents=71_234_00), "71.234"),
    "a photo": (lambda one, _other: _hang_photo(one), "a" * 64),
    "a text": (lambda one, _other: _revise(one, description="Único dono."), "Único dono."),
    "a record": (lambda one, _other: _answer_provenance(one), "Detran-SP"),
    "a hold": (
        lambda one, _other: move(db.session.get_one(Vehicle, one), "reserved", by="test"),
        "Reservado",
    ),
    "a sale": (
        lambda one, _other: move(db.session.get_one(Vehicle, one), "sold", by="test"),
        "vendido hoje",
    ),
    "a similar one's price": (lambda _one, other: _revise(other, price_cents=72_345_00), "72.345"),
    "a similar one's sale": (
        lambda _one, other: move(db.session.get_one(Vehicle, other), "sold", by="test"),
        "",
    ),
    "own words": (
        lambda one, _other: set_words(
            offer_key(db.session.get_one(Vehicle, one).public_id), WORDS, by="test"
        ),
        WORDS.title,
    ),
    "a wording": (
        lambda _one, _other: publish_text(NOTICE, "Usamos só para isto."),
        "só para isto",
    ),
    "a store's name": (lambda _one, _other: _set_store(name="Loja do Largo"), "Loja do Largo"),
    "a store's phone": (lambda _one, _other: _set_store(phone="+551122223333"), "2222"),
    "the house's rate": (
        lambda _one, _other: db.session.add(
            Dealership(id=1, name="Casa", finance_monthly_percent=Decimal("3.21"))
        ),
        "3,21%",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_shows_on_a_ready_page_at_once(app, client, change):
    one, other = make_vehicle(), make_vehicle()
    path = path_of(one)
    before = read(client, path)
    assert read(client, path) == before
    make, shown = CHANGES[change]
    with writing():
        make(one.id, other.id)
    after = read(client, path)
    assert after != before
    assert shown in after
    assert shown not in before or not shown
    assert after == read(client, path) == read_plain(app, client, path)


def test_who_waits_shows_on_a_ready_page(app, client):
    car = make_vehicle(state="reserved")
    path = path_of(car)
    before = read(client, path)
    with writing() as session:
        session.execute(sa.delete(WaitingPlace))
    sent = client.post(
        f"{path}?formulario=fila",
        data={"nome": "Bia", "telefone": "11987654321", "submission_id": str(uuid.uuid4())},
    )
    assert sent.status_code == 303
    after = read(client, path)
    assert "Uma pessoa" in after
    assert "Uma pessoa" not in before
    assert after == read_plain(app, client, path)


def test_a_ready_page_goes_with_the_hour(app, client):
    """A store closes, a promotion ends, an arrival gets old: nothing is written anywhere."""
    with time_machine.travel(datetime(2026, 3, 6, 20, 59, tzinfo=UTC), tick=False) as clock:
        day = today()
        car = make_vehicle(
            promo_price_cents=60_000_00, promo_until=day, published_at=now() - timedelta(days=6)
        )
        # A similar one is no new arrival any more in the midst of a quarter of an hour.
        make_vehicle(published_at=now() - timedelta(days=7) + timedelta(minutes=1))
        path, seen = path_of(car), set()
        for hours in (0, 0.02, 5.9, 6.1, 6.2, 18, 6, 24 * 30):
            clock.shift(timedelta(hours=hours))
            text = read(client, path)
            assert text == read(client, path) == read_plain(app, client, path), hours
            seen.add(text)
        assert len(seen) >= 5


def test_the_home_page_follows_the_clock_and_each_change(app, client):
    def check(shown: str, is_there: bool = True) -> None:
        text = read(client, "/")
        assert (shown in text) is is_there, shown
        assert text == read(client, "/") == read_plain(app, client, "/")

    start = datetime(2026, 3, 6, 20, 57, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as clock:
        car = make_vehicle(published_at=start - timedelta(days=7) + timedelta(minutes=2))
        with writing() as session:
            for row in session.scalars(sa.select(OpeningInterval)):
                row.closes = time(17, 58)
            session.add(
                Banner(
                    title="Feirão de março", action="Ver", path="/estoque",
                    starts_at=start + timedelta(minutes=3),
                )
            )  # fmt: skip
        check("Aberto até 17:58")
        check('class="tag">Chegou agora')
        clock.shift(timedelta(seconds=61))
        check("Aberto até 17:58", False)
        clock.shift(timedelta(seconds=60))
        check('class="tag">Chegou agora', False)
        check("Feirão de março", False)
        clock.shift(timedelta(seconds=60))
        check("Feirão de março")
        with writing() as session:
            session.scalars(sa.select(Banner)).one().title = "Feirão de abril"
        check("Feirão de abril")
        check("1 veículo")
        make_vehicle(make="Fiat", model="Argo")
        check("2 veículos")
        check(">Fiat ")
        with writing() as session:
            move(session.get(Vehicle, car.id), "sold", by="test")
        check(">Chevrolet ", False)


def test_a_store_closes_within_a_quarter_of_an_hour(app, client):
    with time_machine.travel(datetime(2026, 3, 6, 20, 57, tzinfo=UTC), tick=False) as clock:
        path = path_of(make_vehicle())
        with writing() as session:
            for row in session.scalars(sa.select(OpeningInterval)):
                row.closes = time(17, 58)
        assert "Aberto até 17:58" in read(client, path)
        clock.shift(timedelta(minutes=1))
        text = read(client, path)
        assert "Aberto até" not in text
        assert text == read_plain(app, client, path)


def test_a_title_tells_twins_apart_as_long_as_there_are_two(app, client):
    path = path_of(make_vehicle(color="red"))
    for _ in range(6):  # they are the similar ones, the twin is not
        make_vehicle(model_year=2019)
    twin = make_vehicle(price_cents=150_000_00)
    before = read(client, path)
    assert path_of(twin) not in before
    with writing() as session:
        move(session.get(Vehicle, twin.id), "sold", by="test")
    after = read(client, path)
    assert "vermelho" in re.findall("<title>.*</title>", before)[0]
    assert "vermelho" not in re.findall("<title>.*</title>", after)[0]
    assert after == read_plain(app, client, path)


def test_what_was_rolled_back_is_kept_by_nobody(app, client):
    car = make_vehicle(price_cents=70_000_00)
    number, path = car.id, path_of(car)
    with pytest.raises(ZeroDivisionError), writing():
        _revise(number, price_cents=71_111_00)
        with app.test_request_context(path):
            assert fragments.find_offer(car.public_id).price_cents == 71_111_00
        raise ZeroDivisionError
    with writing():
        _revise(number, price_cents=72_222_00)
    text = read(client, path)
    assert "72.222" in text
    assert "71.111" not in text


def test_a_ready_page_costs_no_statement(client, statements):
    path = path_of(make_vehicle())
    for _ in range(2):
        read(client, path)
    statements.clear()
    read(client, path)
    # The versions of the site and of the stock: in a test they are asked for on each page.
    assert [one for one in statements if "version" not in one] == []


def test_after_a_change_elsewhere_a_ready_page_asks_only_whether_its_car_changed(
    client, statements
):
    path = path_of(make_vehicle())
    for _ in range(2):
        read(client, path)
    with writing() as session:
        session.add(Banner(title="Feirão", action="Ver", path="/estoque"))
    before = read(client, path)  # the house is read again, for all pages
    with writing() as session:
        session.scalars(sa.select(Banner)).one().title = "Feirão de abril"
    statements.clear()
    assert read(client, path) == before
    assert ["stock_seq" in one for one in statements if " vehicle" in one] == [True]


def test_ready_cards_cost_no_statement(client, statements):
    for _ in range(3):
        make_vehicle()
    read(client, "/estoque?ordem=menor-preco")
    statements.clear()
    read(client, "/estoque?ordem=menor-preco")
    # The versions of the site and of the stock: in a test they are asked for on each page.
    assert [one for one in statements if "version" not in one] == []


# São Paulo's midnight is at three; a request under way there reads before it and draws after it.
MIDNIGHT = datetime(2026, 11, 24, 3, tzinfo=UTC)


@pytest.mark.parametrize("reads", ["find_offer", "find_offers"])
def test_what_was_read_before_midnight_is_not_kept_for_the_day_after(
    app, client, monkeypatch, reads
):
    """The promotion ended with its day: the offer's page, and its card in a list."""
    with time_machine.travel(MIDNIGHT - timedelta(milliseconds=10), tick=False) as clock:
        car = make_vehicle(
            price_cents=80_000_00, promo_price_cents=60_000_00, promo_until=today(),
            published_at=now() - timedelta(days=30),
        )  # fmt: skip
        path = path_of(car) if reads == "find_offer" else "/estoque"
        read_it = getattr(fragments.search, reads)

        def read_slowly(asked):
            found = read_it(asked)
            clock.shift(timedelta(milliseconds=20))
            return found

        with monkeypatch.context() as patch:
            patch.setattr(fragments.search, reads, read_slowly)
            assert "R$\xa060.000" in read(client, path)
        for _ in range(2):
            clock.shift(timedelta(minutes=5))
            page = read(client, path)
            assert "R$\xa060.000" not in page
            assert "R$\xa080.000" in page


def test_addresses_that_nobody_linked_to_leave_nothing_behind(app, client):
    make_vehicle()
    read(client, "/estoque?marca=chevrolet&modelo=nada")
    kept = app.extensions["vitrine_choices"]["pt_BR"]
    before = len(kept)
    for number in range(20):
        assert client.get(f"/estoque?marca=ninguem{number}&modelo=nada").status_code == 200
    assert len(kept) <= before + 1


def test_a_card_ends_before_it_says_what_is_no_longer_so(app, monkeypatch):
    moment = now()
    make_vehicle(published_at=moment - timedelta(days=7) + timedelta(seconds=30))
    with app.test_request_context():
        offer = fragments.search.newest(1)[0]
        ends = fragments.ends_of(offer, moment.timestamp())
        assert moment.timestamp() < ends <= moment.timestamp() + 31
        later = fragments.ends_of(offer, moment.timestamp() + 60)
        assert 0 < later - moment.timestamp() <= 960
        assert later % 900 == 0
    db.session.rollback()


@pytest.mark.parametrize("used", [True, False])
def test_a_shelf_keeps_to_its_size_and_what_is_used(used):
    shelf = Shelf(10_000)
    shelf.put("hot", "h", 100)
    for number in range(1_000):
        shelf.put(number, "x", 100)
        if used:
            shelf.get("hot")
        assert shelf.size_bytes <= 10_000
    assert (shelf.get("hot") == "h") is used
    shelf.put("huge", "x", 6_000)
    assert shelf.get("huge") is None


def test_each_form_has_marks_of_its_own_however_ready_the_rest_is(client):
    path = path_of(make_vehicle())
    pages = "".join(client.get(path).text for _ in range(3))
    ids = re.findall(r'name="submission_id" type="hidden" value="([^"]{36})"', pages)
    assert len(ids) == len(set(ids)) == 9
    assert len(re.findall(r'name="carimbo" type="hidden" value="([^"]+)"', pages)) == 9


def test_what_somebody_typed_is_kept_for_nobody(client):
    path = path_of(make_vehicle())
    plain = read(client, path)
    typed = {"nome": "Zuleica", "telefone": "12", "submission_id": "a" * 32}
    refused = client.post(path, data=typed)
    assert refused.status_code == 422
    assert 'value="Zuleica"' in refused.text
    assert f'value="{"a" * 32}"' in refused.text
    assert read(client, path) == plain


def test_a_form_inside_of_a_piece_is_refused(app):
    with app.test_request_context():
        form = InterestForm.blank()
        with pytest.raises(RuntimeError):
            fragments.kept("wrong", lambda: fragments.form_marks(form))
        assert "submission_id" in fragments.form_marks(form)
    db.session.rollback()


def test_a_new_wording_reaches_ready_forms_at_once(client):
    path = path_of(make_vehicle())
    read(client, path)
    with writing():
        publish_text(MARKETING, "Quero novidades da casa, palavra nova.")
    assert "palavra nova" in read(client, path)
    later = now() + timedelta(days=2)
    with writing():
        publish_text(MARKETING, "Só depois de amanhã.", since=later)
    assert "palavra nova" in read(client, path)


def test_pages_that_nobody_asks_for_fall_out(app, client):
    app.extensions["vitrine_fragments"] = shelf = Shelf(600_000)
    paths = [path_of(make_vehicle(price_cents=(50 + n) * 1_000_00)) for n in range(12)]
    for path in paths:
        read(client, path)
        assert shelf.size_bytes <= 600_000
    assert read(client, paths[0]) == read_plain(app, client, paths[0])
