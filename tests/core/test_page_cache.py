"""Pages out of the memory: what is kept, what is never kept, and for how long it is true."""

import gzip
import threading
from collections.abc import Iterator
from contextvars import Context
from datetime import timedelta

import brotli
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from core import clock, page_cache, site_memory
from core.db import db, writing
from core.kept_page import KeptPage, encoding_for
from core.page_cache import PageCache, init_page_cache, stats
from core.shared_pages import is_shared
from core.versions import VersionReader
from dealership.models import Store
from inventory import search, stock_version
from inventory.lifecycle import move
from inventory.models import Vehicle
from inventory.stock_version import touch
from inventory.visits import visit_counter, visits_of
from showroom.addresses import path_of as list_path
from showroom.shown_tables import LATE, SHOWN
from tests.factories import make_store, make_vehicle

READER = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/140", "Accept-Language": "pt-BR"}
MIB = 1024 * 1024


@pytest.fixture
def cache(app, request, monkeypatch) -> Iterator[PageCache]:
    """The application with the cache in front of it, in a minute that does not end; `parametrize`
    gives its size in bytes."""
    moment = clock.now()
    monkeypatch.setattr(page_cache, "now", lambda: moment)
    plain = app.wsgi_app
    reader = VersionReader(app.extensions["vitrine"].database_url, stock_version.NUMBER)
    init_page_cache(
        app,
        reader,
        most_bytes=getattr(request, "param", 8 * MIB),
        origin="http://localhost",
        bring_up_to=lambda versions: (
            site_memory.is_at_least(versions.site) and search.is_at_least(versions.stock)
        ),
    )
    yield app.wsgi_app
    app.wsgi_app = plain
    app.extensions.pop("vitrine_page_cache")
    reader.close()


@pytest.fixture
def client(app) -> FlaskClient:
    """A client whose requests share nothing with the test: no session, nothing in `g`."""

    class Apart(FlaskClient):
        def open(self, *arguments, **options):
            db.session.rollback()
            return Context().run(super().open, *arguments, **options)

    return Apart(app, app.response_class, use_cookies=False)  # those of a test stand in its headers


def path_of(vehicle: Vehicle) -> str:
    return f"/oferta/{vehicle.slug}-{vehicle.public_id}"


def hits(app) -> int:
    return stats(app).hits


def test_the_second_reader_asks_nothing_of_anybody(app, cache, client, statements):
    vehicle = make_vehicle(price_cents=89_900_00)
    for path in ("/", "/estoque", "/estoque/chevrolet", path_of(vehicle), "/lojas", "/contato"):
        first = client.get(path)
        before = hits(app)
        statements.clear()
        second = client.get(path)
        assert statements == [], path
        assert hits(app) == before + 1
        assert second.data == first.data
        for name in ("Content-Security-Policy", "X-Content-Type-Options", "Cache-Control", "ETag"):
            assert second.headers[name] == first.headers[name], path
        assert len(second.headers.getlist("Vary")) == 1
        assert second.headers["Vary"] == "Accept-Encoding"
        assert int(second.headers["Content-Length"]) == len(second.data)
        assert first.headers["X-Request-ID"]
        assert "X-Request-ID" not in second.headers

        head = client.head(path)
        assert (head.status_code, head.data) == (200, b"")
        assert head.headers["Content-Length"] == second.headers["Content-Length"]
        known = client.get(path, headers={"If-None-Match": f'"x", W/{second.headers["ETag"]}'})
        assert (known.status_code, known.data) == (304, b"")
        assert known.headers["ETag"] == second.headers["ETag"]
        assert known.headers["Cache-Control"] == "no-cache"
        assert not {"Content-Length", "Content-Type"} & set(known.headers.keys())
        assert client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200
        assert statements == []
    # What changes something, or is for one person, is not even looked at.
    before = stats(app)
    for path in ("/favoritos", "/comparar", "/robots.txt", "/nada", f"/vistos/{vehicle.public_id}"):
        client.get(path)
    client.post("/contato", data={})
    assert (stats(app).hits, stats(app).pages) == (before.hits, before.pages)


def test_each_encoding_is_right_and_has_its_own_tag(app, cache, client):
    plain = client.get("/lojas")
    tags = {plain.headers["ETag"]}
    for accepted, name, unpacked in (
        ("gzip", "gzip", gzip.decompress),
        ("gzip, deflate, br, zstd", "br", brotli.decompress),
        ("br;q=0, *;q=0.5", "zstd", None),
    ):
        for _time in range(2):
            answer = client.get("/lojas", headers={"Accept-Encoding": accepted})
            assert answer.headers["Content-Encoding"] == name
            assert int(answer.headers["Content-Length"]) == len(answer.data)
            assert unpacked is None or unpacked(answer.data) == plain.data
        tags.add(answer.headers["ETag"])
        other = client.get("/lojas", headers={"If-None-Match": answer.headers["ETag"]})
        assert other.status_code == 200  # of another encoding: other bytes
    assert len(tags) == 4
    assert stats(app).misses == 1
    for accepted, name in (
        (None, ""), ("", ""), ("identity", ""), ("br;q=0", ""), ("deflate", ""),
        ("gzip;q=1.0, br;q=0.5", "gzip"), ("*", "br"), ("GZIP;Q=x", ""), ("x-gzip", "gzip"),
        ("gzip;q=0.5;x", ""),
    ):  # fmt: skip
        assert encoding_for(accepted) == name, accepted
    small = KeptPage("200 OK", [("Vary", "Origin")], b"x", None)
    assert "Content-Encoding" not in dict(small.variant("br").headers)
    assert dict(small.variant("").headers)["Vary"] == "Origin, Accept-Encoding"


def test_nothing_that_a_visitor_sends_is_in_what_another_gets(app, cache, client):
    make_vehicle()
    mark = "evil.example"
    for path in ("/", "/estoque", "/contato"):
        poisoned = client.get(
            path,
            base_url=f"http://{mark}",
            headers={
                "X-Forwarded-Host": mark, "X-Forwarded-Proto": mark, "X-Original-URL": f"/{mark}",
                "X-Rewrite-URL": f"/{mark}", "X-HTTP-Method-Override": "POST",
                "Forwarded": f"host={mark}", "X-Forwarded-Prefix": f"/{mark}", "Referer": mark,
                "Accept-Language": "xx", "Cookie": f"favoritos={mark}; vistos={mark}",
                "Authorization": f"Bearer {mark}", "Range": "bytes=0-1", "Via": mark,
            },
        )  # fmt: skip
        assert poisoned.status_code == 200
        assert mark not in poisoned.text + str(poisoned.headers)
        assert client.get(path).data == poisoned.data  # one page, and no second copy of it
    assert stats(app).pages == 3
    # Under a path that the server cut off, addresses would be other ones.
    client.get("/lojas", environ_overrides={"SCRIPT_NAME": f"/{mark}"})
    assert stats(app).pages == 3
    # Whoever has a place at the staff's door is answered by Flask, before and after.
    before = stats(app)
    staff = app.config["SESSION_COOKIE_NAME"]
    client.get("/lojas", headers={"Cookie": f"a=b; {staff}=x"})
    client.get("/", headers={"Cookie": f"{staff}=x"})
    assert stats(app) == before


def test_a_page_is_kept_under_one_address_only(app, cache, client):
    make_vehicle(make="Fiat", model="Argo")
    make_vehicle(make="Fiat", model="Mobi", body="suv")
    kept = [
        "/estoque/fiat",
        list_path(search.OfferFilter(makes=("fiat",), colors=("white",))),
        "/estoque/fiat?ordem=menor-preco",
    ]
    for path in kept:
        assert client.get(path).status_code == 200
    assert stats(app).pages == len(kept)
    for path in (
        "/estoque?marca=fiat", "/estoque/fiat?", "/estoque/fiat?utm_source=x",
        "/estoque/fiat?gclid=1",
        "/estoque/fiat?ordem=menor-preco&ordem=menor-preco", "/estoque/fiat?ordem=menor%2Dpreco",
        "/estoque/fiat?x=1", "/estoque/fiat?ordem=", "/estoque/fiat?pagina=1", "/estoque/fiat?&",
        f"{kept[1]}&", f"{kept[1]}&cor=%62ranco", "/estoque?preco_min=x", "/lojas?a=1",
        "//estoque", "/estoque/", "/./estoque", "/estoque/fiat%3Fordem=menor-preco", "/estoque%00",
        "/ESTOQUE", "/estoque/FIAT", "/estoque;a=1", "/blog?pagina=1", "/blog?pagina=02",
        "/blog?pagina=2&x", "/depoimentos?pagina=٢",
    ):  # fmt: skip
        client.get(path)
        asked = {key if isinstance(key, str) else "?".join(key) for key in cache._moment.pages}
        assert asked == set(kept), path
    assert client.get("/estoque/f%69at").status_code == 200  # the same path to everybody
    assert stats(app).pages == len(kept)
    # A question mark inside of a path is no query.
    assert client.get("/estoque/fiat%3Fordem=menor-preco").status_code == 404


def test_what_changes_is_on_the_next_page(app, cache, client, monkeypatch):
    vehicle = make_vehicle(price_cents=89_900_00)
    store = make_store()
    other = make_vehicle(make="Fiat", model="Argo", price_cents=70_000_00)
    pages = ("/", "/estoque", "/estoque/chevrolet", path_of(vehicle))
    for path in pages:
        for _time in range(2):
            assert "89.900" in client.get(path).text, path
    with writing() as session:
        row = session.get(Vehicle, vehicle.id)
        row.price_cents = 81_500_00
        touch([row])
    for path in pages:
        text = client.get(path).text
        assert "81.500" in text, path
        assert "89.900" not in text, path
    with writing() as session:
        session.get(Store, store.id).name = "Loja do Centro Novo"
    assert "Loja do Centro Novo" in client.get("/lojas").text
    with writing() as session:
        move(session.get(Vehicle, other.id), "sold", by="test")
    assert "70.000" not in client.get("/estoque").text
    # A schedule of anything ends on a minute, and no page lives longer.
    client.get("/lojas")
    before = stats(app)
    moment = clock.now() + timedelta(minutes=1)
    monkeypatch.setattr(page_cache, "now", lambda: moment)
    client.get("/lojas")
    assert stats(app).misses == before.misses + 1
    assert stats(app).pages == 1


def test_without_a_database_nothing_is_given_away(app, cache, client, monkeypatch):
    client.get("/lojas")
    before = stats(app)
    assert before.pages == 1
    away = VersionReader("postgresql+psycopg://nobody@127.0.0.1:1/none", stock_version.NUMBER)
    monkeypatch.setattr(cache, "_reader", away)
    for _time in range(2):
        assert client.get("/lojas").status_code == 200  # Flask's own, which has its database
    assert (stats(app).hits, stats(app).pages) == (before.hits, 0)


def test_people_are_counted_and_machines_are_not_hit_or_miss(app, cache, client):
    vehicle = make_vehicle()
    path = path_of(vehicle)
    for number in range(3):
        client.get(path, headers=READER)
        visit_counter().write()
        db.session.rollback()
        assert visits_of([vehicle.id]) == {vehicle.id: number + 1}
    etag = client.get(path).headers["ETag"]
    client.get(path, headers={**READER, "If-None-Match": etag})  # read again on the same phone
    for headers in (
        {}, {**READER, "Sec-Purpose": "prefetch;prerender"}, {**READER, "X-Moz": "prefetch"},
        {**READER, "User-Agent": "Googlebot/2.1"}, {**READER, "User-Agent": "curl/8"},
        {**READER, "Cookie": "equipe=1"},
    ):  # fmt: skip
        client.get(path, headers=headers)
    client.head(path, headers=READER)
    visit_counter().write()
    db.session.rollback()
    assert visits_of([vehicle.id]) == {vehicle.id: 4}


@pytest.mark.parametrize("cache", [400_000], indirect=True)
def test_memory_is_bounded_and_a_flood_leaves_what_people_read(app, cache, client):
    make_vehicle()
    sizes = []
    client.get("/lojas")
    for number in range(40):
        before = hits(app)
        client.get("/lojas", headers={"Accept-Encoding": "gzip"})
        assert hits(app) == before + 1, number
        client.get(f"/estoque?q=palavra{number}")
        sizes.append(stats(app).bytes)
    assert max(sizes) <= 400_000
    assert 2 <= stats(app).pages < 40
    assert stats(app).bytes == sum(page.bytes for page in cache._moment.pages.values())


def test_what_is_good_for_one_is_kept_for_none(app, cache, client, monkeypatch):
    config = app.extensions["vitrine"]
    monkeypatch.setitem(
        app.extensions, "vitrine", type(config)(**{**vars(config), "proof_of_work": True})
    )
    assert client.get("/contato").status_code == 200
    assert stats(app).pages == 0


def test_one_thread_draws_and_the_others_wait_for_it(app, cache):
    make_vehicle()
    started, drawn = threading.Event(), threading.Event()
    cache._look()
    cache._fresh_until = cache._trusted_until = float("inf")
    view = app.view_functions["showroom.stores_page"]
    calls = []

    def slow() -> str:
        calls.append(1)
        started.set()
        drawn.wait(5)
        return view()

    slow.is_shared = True
    app.view_functions["showroom.stores_page"] = slow
    answers = []

    def ask() -> None:
        environ = EnvironBuilder("/lojas").get_environ()
        answers.append(b"".join(cache(environ, lambda *_: None)))

    threads = [threading.Thread(target=ask) for _number in range(4)]
    try:
        threads[0].start()
        assert started.wait(5)
        for thread in threads[1:]:
            thread.start()
    finally:
        drawn.set()
        for thread in threads:
            thread.join()
        app.view_functions["showroom.stores_page"] = view
        cache._fresh_until = cache._trusted_until = 0.0
    assert len(calls) == 1
    assert len(set(answers)) == 1
    assert len(answers) == 4


def test_pages_that_are_kept_read_no_table_whose_changes_they_would_miss(app, cache, client):
    """By what they really ask of the database; see showroom/shown_tables.py."""
    make_vehicle(state="reserved")
    vehicle = make_vehicle()
    read: set[str] = set()

    def look(_conn, _cursor, _statement, _parameters, context, _many) -> None:
        if context.compiled is not None and not context.is_text:
            read.update(table.name for table in _tables(context.compiled.statement))

    sa.event.listen(db.engine, "before_cursor_execute", look)
    try:
        for path in (*_shared_paths(app), path_of(vehicle), "/estoque/chevrolet"):
            assert client.get(path).status_code == 200
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", look)
    assert "vehicle" in read
    assert read <= SHOWN | LATE | {"site_version"}


def _tables(statement) -> list[sa.Table]:
    found = [one for one in sa.sql.visitors.iterate(statement) if isinstance(one, sa.Table)]
    return found + [
        table
        for column in sa.sql.visitors.iterate(statement)
        if isinstance(column, sa.Column) and isinstance(table := column.table, sa.Table)
    ]


def _shared_paths(app) -> list[str]:
    """Addresses without parts to fill in whose pages are kept."""
    rules = [rule for rule in app.url_map.iter_rules() if not rule.arguments]
    paths = [
        r.rule for r in rules if is_shared(app.view_functions[r.endpoint]) and "GET" in r.methods
    ]
    assert {"/", "/estoque", "/lojas", "/blog"} <= set(paths)
    return sorted(paths)
