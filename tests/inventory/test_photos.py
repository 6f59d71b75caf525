import errno
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.config import ROOT
from core.db import db, writing
from core.fetch import FetchFailed
from core.storage import BucketStorage, StorageFull, storage
from inventory import photos, renditions, stock_version
from inventory.models import Photo, Vehicle
from inventory.photos import (
    DRAWN,
    LenderGone,
    OrderMismatch,
    add_photo,
    prepare_drawings,
    prepare_photo,
    record_photo,
    record_photos,
    remove_photo,
    reorder,
    srcset,
    store_picture,
)
from inventory.renditions import FULL, WIDTHS_PX, NotAPhoto, ladder, stem_of, widths_for
from jobs.models import Job
from tests import pictures
from tests.bucket import BucketServer
from tests.factories import make_vehicle


def perform(kind: str, **payload: object) -> None:
    """Run a handler as the worker does: its effect in the transaction that ends the job."""
    record = photos.JOBS[kind](payload)
    with writing():
        if record is not None:
            record()


def perform_queued(kind: str) -> None:
    for job in queued(kind):
        perform(kind, **job)
    with writing() as session:
        session.execute(sa.update(Job).where(Job.kind == kind).values(state="done"))


def queued(kind: str) -> list[dict[str, object]]:
    query = sa.select(Job.payload).where(Job.kind == kind, Job.state == "ready").order_by(Job.id)
    found = list(db.session.scalars(query))
    db.session.rollback()
    return found


def stored_keys(public: bool = True) -> set[str]:
    return {file.key for file in storage().files(public=public)}


def listed_keys(photo: Photo) -> set[str]:
    made = photo.renditions
    return {f"{made['stem']}-{w}.{name}" for w in made["widths"] for name in made["formats"]}


def waiting_photo(url: str) -> Photo:
    vehicle = make_vehicle()
    with writing():
        photo = Photo(source_url=url, state="waiting")
        vehicle.photos.append(photo)
    return photo


@pytest.fixture
def vehicle(app: Flask) -> Vehicle:
    return make_vehicle()


@pytest.fixture
def private_addresses(app: Flask) -> Iterator[None]:
    config = app.extensions["vitrine"]
    app.extensions["vitrine"] = type(config)(**{**config.__dict__, "allow_private_urls": True})
    yield
    app.extensions["vitrine"] = config


# --- widths ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width_px", "expected"),
    [
        (1, [1]), (319, [319]), (320, [320]), (400, [320]), (410, [320, 410]), (500, [320, 480]),
        (900, [320, 480, 640, 900]), (1000, [320, 480, 640, 960]), (4000, list(WIDTHS_PX)),
        (1919, [320, 480, 640, 960, 1280, 1919]), (12_000, list(WIDTHS_PX)),
    ],
)  # fmt: skip
def test_no_rendition_is_wider_than_the_photo(width_px: int, expected: list[int]) -> None:
    assert widths_for(FULL, width_px) == ladder(width_px) == expected


@pytest.mark.parametrize("width_px", [1, 320, 500, 900, 959, 1000, 5000])
def test_quick_widths_are_among_the_full_ones(width_px: int) -> None:
    assert set(widths_for(renditions.QUICK, width_px)) <= set(ladder(width_px))
    assert set(widths_for(DRAWN, width_px)) <= set(ladder(width_px))


def test_srcset_names_each_width() -> None:
    assert srcset("ab/cd", [320, 640], "webp") == (
        "/media/ab/cd-320.webp 320w, /media/ab/cd-640.webp 640w"
    )


# --- taking in -------------------------------------------------------------------------------


def test_a_photo_is_shown_at_once_and_completed_by_the_worker(vehicle: Vehicle) -> None:
    version = stock_version.current()
    photo = add_photo(vehicle, pictures.photo(width_px=2400, height_px=1800), alt="frente")
    assert (photo.state, photo.position, photo.alt) == ("stored", 0, "frente")
    assert (photo.width_px, photo.height_px) == (2400, 1800)
    assert photo.color.startswith("#")
    assert photo.renditions["widths"] == [960]
    assert photo.renditions["formats"] == ["webp", "jpg"]
    assert stored_keys() == listed_keys(photo)
    assert stock_version.current() > version
    assert vehicle.stock_seq == stock_version.current()

    version = stock_version.current()
    perform_queued("render_photo")
    assert photo.state == "ready"
    assert photo.renditions["widths"] == list(WIDTHS_PX)
    assert photo.renditions["formats"] == ["avif", "webp", "jpg"]
    assert stored_keys() == listed_keys(photo)
    assert vehicle.stock_seq == stock_version.current() > version


def test_every_listed_rendition_is_what_its_name_says(vehicle: Vehicle) -> None:
    photo = add_photo(vehicle, pictures.photo(width_px=700, height_px=933))
    perform_queued("render_photo")
    for key in listed_keys(photo):
        with storage().open(key, public=True) as file:
            picture = Image.open(io.BytesIO(file.read()))
        width, _dot, name = key.rpartition("-")[2].partition(".")
        assert picture.format == {"jpg": "JPEG"}.get(name, name.upper())
        assert picture.width == int(width)
        assert abs(picture.height - picture.width * 933 / 700) <= 1
        if name == "jpg":
            assert picture.info.get("progressive")


def test_the_original_is_kept_whole_and_private(vehicle: Vehicle, client: FlaskClient) -> None:
    data = pictures.turned_photo(6)
    photo = add_photo(vehicle, data)
    with storage().open(photo.original_key, public=False) as file:
        assert file.read() == data
    assert not storage().exists(photo.original_key, public=True)
    assert client.get(f"/media/{photo.original_key}").status_code == 404
    assert photo.digest not in photo.renditions["stem"]


def test_rendering_keeps_the_date_of_the_content(vehicle: Vehicle) -> None:
    add_photo(vehicle, pictures.photo())
    before = vehicle.updated_at
    perform_queued("render_photo")
    assert vehicle.updated_at == before


def test_the_same_photo_is_stored_and_worked_on_once(
    vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = add_photo(vehicle, pictures.photo())
    first_files = stored_keys()

    def refuse(*_args: object) -> None:
        raise AssertionError("worked twice")

    monkeypatch.setattr(renditions, "render", refuse)
    two = add_photo(make_vehicle(), pictures.photo())
    assert two.renditions == one.renditions
    assert stored_keys() == first_files
    assert len(queued("render_photo")) == 1

    monkeypatch.undo()
    perform_queued("render_photo")
    assert one.state == two.state == "ready"
    assert one.vehicle.stock_seq == two.vehicle.stock_seq == stock_version.current()
    three = add_photo(vehicle, pictures.photo())
    assert three.state == "ready"
    assert queued("render_photo") == []


def test_a_refused_photo_leaves_nothing(vehicle: Vehicle) -> None:
    with pytest.raises(NotAPhoto) as refusal:
        add_photo(vehicle, b"<svg/>")
    assert str(refusal.value)
    assert vehicle.photos == []
    assert stored_keys() == stored_keys(public=False) == set()


def test_image_work_inside_a_transaction_is_a_mistake(vehicle: Vehicle) -> None:
    with pytest.raises(RuntimeError, match="writing"), writing():
        prepare_photo(pictures.photo())


def test_files_are_shared_only_while_a_row_keeps_them(vehicle: Vehicle) -> None:
    data = pictures.photo()
    lender = add_photo(vehicle, data)
    prepared = prepare_photo(data)
    assert prepared.is_shared
    with writing():
        remove_photo(lender)
    with pytest.raises(LenderGone), writing():
        record_photo(vehicle, prepared)
    assert add_photo(vehicle, data).state == "stored"


def test_an_older_recipe_is_not_shared(vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch) -> None:
    old = add_photo(vehicle, pictures.photo())
    monkeypatch.setattr(renditions, "RECIPE_VERSION", renditions.RECIPE_VERSION + 1)
    new = add_photo(vehicle, pictures.photo())
    assert new.renditions["stem"] != old.renditions["stem"]
    assert new.renditions["stem"] == stem_of(new.digest)


def test_a_full_disk_leaves_no_row(vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third file does not fit."""
    real_fsync, calls = os.fsync, []

    def fsync(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real_fsync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StorageFull) as failure:
        add_photo(vehicle, pictures.photo())
    monkeypatch.undo()
    assert str(failure.value)
    assert vehicle.photos == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Job)) == 0
    folder = Path(storage().root)  # type: ignore[attr-defined]
    assert not [path for path in folder.rglob("*") if path.name.startswith(".unfinished")]
    assert add_photo(vehicle, pictures.photo()).state == "stored"


KILLED = """
import os, signal, sys
from app import create_app
from core.db import db
from inventory import photos
from inventory.models import Vehicle
from tests import pictures

app = create_app(database_url=sys.argv[1], instance_dir=sys.argv[2], media_dir=sys.argv[3])
with app.app_context():
    real = photos.storage().put
    left = int(sys.argv[5])
    def put(*args, **options):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        real(*args, **options)
    photos.storage().put = put
    vehicle = db.session.get(Vehicle, int(sys.argv[4]))
    photos.add_photo(vehicle, pictures.photo())
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("puts", [0, 2, 9])
def test_killed_at_any_point_no_row_is_without_files(
    vehicle: Vehicle, app: Flask, database_url: str, puts: int
) -> None:
    config = app.extensions["vitrine"]
    child = subprocess.run(
        [
            sys.executable, "-c", KILLED, database_url, config.instance_dir, config.media_dir,
            str(vehicle.id), str(puts),
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    db.session.rollback()
    assert len(vehicle.photos) == (1 if puts == 9 else 0)
    for photo in vehicle.photos:
        assert listed_keys(photo) <= stored_keys()
        assert photo.original_key in stored_keys(public=False)
        assert queued("render_photo") == [{"digest": photo.digest}]
    db.session.rollback()
    # Sending it again mends everything.
    again = add_photo(vehicle, pictures.photo())
    assert listed_keys(again) <= stored_keys()


# --- the worker ------------------------------------------------------------------------------


def test_rendering_twice_changes_nothing(vehicle: Vehicle) -> None:
    photo = add_photo(vehicle, pictures.photo())
    perform("render_photo", digest=photo.digest)
    version, listing = stock_version.current(), photo.renditions
    perform("render_photo", digest=photo.digest)
    perform("render_photo", digest="0" * 64)
    assert (stock_version.current(), photo.renditions) == (version, listing)


def test_two_workers_rendering_the_same_photo_agree(vehicle: Vehicle, app: Flask) -> None:
    photo = add_photo(vehicle, pictures.photo(width_px=2000, height_px=1500))
    digest, barrier, failures = photo.digest, threading.Barrier(2), []
    db.session.rollback()

    def work() -> None:
        try:
            with app.app_context():
                barrier.wait()
                perform("render_photo", digest=digest)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    db.session.expire_all()
    assert photo.state == "ready"
    assert stored_keys() == listed_keys(photo)


def test_a_photo_removed_while_it_is_rendered_stays_removed(vehicle: Vehicle) -> None:
    photo = add_photo(vehicle, pictures.photo())
    record = photos.render_photo({"digest": photo.digest})
    with writing():
        remove_photo(photo)
    with writing():
        assert record is not None
        record()
    assert vehicle.photos == []


def test_a_photo_that_kills_its_child_is_parked_with_a_sentence(
    vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = add_photo(vehicle, pictures.photo())
    monkeypatch.setattr(renditions, "WALL_SECONDS", 0.001)
    perform("render_photo", digest=photo.digest)
    assert photo.state == "failed"
    assert photo.error
    assert photo.renditions["widths"] == [960]  # what there is goes on being shown


def test_a_lost_original_parks_the_photo(vehicle: Vehicle) -> None:
    photo = add_photo(vehicle, pictures.photo())
    storage().delete(photo.original_key, public=False)
    perform("render_photo", digest=photo.digest)
    assert photo.state == "failed"
    assert photo.error


# --- from an address -------------------------------------------------------------------------


@pytest.mark.usefixtures("private_addresses")
class TestFetching:
    def test_a_photo_is_fetched_and_shown(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/a.jpg").respond_with_data(
            pictures.photo(), content_type="text/html"
        )
        photo = waiting_photo(httpserver.url_for("/a.jpg"))
        perform("fetch_photo", photo_id=photo.id)
        assert (photo.state, photo.error) == ("stored", "")
        assert photo.vehicle.stock_seq == stock_version.current()
        assert queued("render_photo") == [{"digest": photo.digest}]

    def test_fetching_twice_asks_once(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/a.jpg").respond_with_data(pictures.photo())
        photo = waiting_photo(httpserver.url_for("/a.jpg"))
        perform("fetch_photo", photo_id=photo.id)
        perform("fetch_photo", photo_id=photo.id)
        perform("fetch_photo", photo_id=photo.id + 999)
        assert len(httpserver.log) == 1

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    def test_a_final_answer_parks_the_photo(self, httpserver: HTTPServer, status: int) -> None:
        httpserver.expect_request("/a.jpg").respond_with_data("no", status=status)
        photo = waiting_photo(httpserver.url_for("/a.jpg"))
        perform("fetch_photo", photo_id=photo.id)
        assert photo.state == "failed"
        assert str(status) in photo.error

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_passing_trouble_is_noted_and_tried_again(
        self, httpserver: HTTPServer, status: int
    ) -> None:
        answers: list[Callable[[], Response]] = [
            lambda: Response("later", status=status),
            lambda: Response(pictures.photo()),
        ]

        def answer(_request: Request) -> Response:
            return answers.pop(0)()

        httpserver.expect_request("/a.jpg").respond_with_handler(answer)
        photo = waiting_photo(httpserver.url_for("/a.jpg"))
        with pytest.raises(FetchFailed):
            perform("fetch_photo", photo_id=photo.id)
        assert photo.state == "waiting"
        assert str(status) in photo.error
        perform("fetch_photo", photo_id=photo.id)
        assert (photo.state, photo.error) == ("stored", "")

    def test_what_is_no_photo_parks_with_a_sentence(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/a.jpg").respond_with_data("<html>login</html>")
        photo = waiting_photo(httpserver.url_for("/a.jpg"))
        perform("fetch_photo", photo_id=photo.id)
        assert photo.state == "failed"
        assert photo.error
        assert stored_keys(public=False) == set()

    def test_too_many_bytes_park_the_photo(
        self, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(photos, "BYTES_MAX", 1000)
        httpserver.expect_request("/a.jpg").respond_with_data(pictures.photo())
        photo = waiting_photo(httpserver.url_for("/a.jpg"))
        perform("fetch_photo", photo_id=photo.id)
        assert photo.state == "failed"


def test_private_addresses_are_refused_by_default(app: Flask, httpserver: HTTPServer) -> None:
    photo = waiting_photo(httpserver.url_for("/a.jpg"))
    perform("fetch_photo", photo_id=photo.id)
    assert photo.state == "failed"
    assert httpserver.log == []


# --- drawings and other pictures -------------------------------------------------------------


def test_drawings_come_back_in_order_and_are_asked_for_once(vehicle: Vehicle) -> None:
    drawn = [pictures.photo(number) for number in range(5)]
    prepared = list(prepare_drawings(drawn))
    assert [item.renditions["widths"] for item in prepared] == [[480, 960]] * 5
    with writing():
        record_photos(vehicle, [(Photo(alt="a"), item) for item in prepared[:3]])
        record_photos(vehicle, [(Photo(), prepared[0])], render=False)
    assert [photo.position for photo in vehicle.photos] == [0, 1, 2, 3]
    assert len(queued("render_photo")) == 3
    perform_queued("render_photo")
    assert {photo.state for photo in vehicle.photos} == {"ready"}


def test_a_picture_of_a_banner_has_all_it_takes_to_be_shown(app: Flask) -> None:
    made = store_picture(pictures.photo(width_px=1600, height_px=600))
    assert (made["width_px"], made["height_px"]) == (1600, 600)
    assert made["widths"] == ladder(1600)
    assert made["color"].startswith("#")
    assert stored_keys() == {
        f"{made['stem']}-{width}.{name}" for width in made["widths"] for name in made["formats"]
    }


# --- order and removal -----------------------------------------------------------------------


def test_photos_can_be_put_in_another_order(vehicle: Vehicle) -> None:
    one, two, three = (add_photo(vehicle, pictures.photo(number)) for number in range(3))
    version = stock_version.current()
    with writing():
        assert reorder(vehicle, [three.id, one.id, two.id])
    db.session.expire_all()
    assert [photo.id for photo in vehicle.photos] == [three.id, one.id, two.id]
    assert vehicle.stock_seq > version
    version = stock_version.current()
    with writing():
        assert not reorder(vehicle, [three.id, one.id, two.id])
    assert stock_version.current() == version


def test_an_order_of_other_photos_is_refused(vehicle: Vehicle) -> None:
    one = add_photo(vehicle, pictures.photo(1))
    two = add_photo(vehicle, pictures.photo(2))
    for wrong in ([one.id], [one.id, one.id], [one.id, two.id, 999], []):
        with pytest.raises(OrderMismatch), writing():
            reorder(vehicle, wrong)


def test_a_removed_photo_closes_the_gap(vehicle: Vehicle) -> None:
    one, two, three = (add_photo(vehicle, pictures.photo(number)) for number in range(3))
    with writing():
        remove_photo(two)
    db.session.expire_all()
    assert [(photo.id, photo.position) for photo in vehicle.photos] == [(one.id, 0), (three.id, 1)]
    assert listed_keys(one) <= stored_keys()


# --- sweeping --------------------------------------------------------------------------------


def make_old(hours: float = 25) -> None:
    moment = (datetime.now(UTC) - timedelta(hours=hours)).timestamp()
    for path in Path(storage().root).rglob("*"):  # type: ignore[attr-defined]
        if path.is_file():
            os.utime(path, (moment, moment))


def test_files_without_a_row_go_after_a_day(vehicle: Vehicle) -> None:
    kept, removed = (add_photo(vehicle, pictures.photo(number)) for number in range(2))
    twin = add_photo(vehicle, pictures.photo(0))
    picture = store_picture(pictures.photo(5))
    gone = listed_keys(removed) | {removed.original_key}
    with writing():
        remove_photo(removed)
        remove_photo(twin)
    perform("sweep_orphan_media")
    assert gone <= stored_keys() | stored_keys(public=False)  # too fresh

    make_old()
    perform("sweep_orphan_media")
    assert not gone & (stored_keys() | stored_keys(public=False))
    assert listed_keys(kept) <= stored_keys()
    assert kept.original_key in stored_keys(public=False)
    assert f"{picture['stem']}-320.jpg" in stored_keys()
    perform("sweep_orphan_media")


def test_sending_an_orphan_again_saves_its_files(vehicle: Vehicle) -> None:
    photo = add_photo(vehicle, pictures.photo())
    with writing():
        remove_photo(photo)
    make_old()
    prepared = prepare_photo(pictures.photo())
    perform("sweep_orphan_media")
    with writing():
        again = record_photo(vehicle, prepared)
    assert listed_keys(again) <= stored_keys()
    assert again.original_key in stored_keys(public=False)


def test_the_whole_way_works_with_a_bucket(
    vehicle: Vehicle, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    with BucketServer() as bucket:
        store = BucketStorage(bucket.url)
        monkeypatch.setitem(app.extensions, "vitrine_storage", (os.getpid(), store))
        photo = add_photo(vehicle, pictures.photo())
        perform_queued("render_photo")
        assert photo.state == "ready"
        key = sorted(listed_keys(photo))[0]
        assert bucket.objects[f"loja/public/{key}"][1] == "image/jpeg" or key.endswith("avif")
        answer = client.get(f"/media/{key}")
        assert answer.data == bucket.objects[f"loja/public/{key}"][0]
        with writing():
            remove_photo(photo)
        long_ago = datetime.now(UTC) - timedelta(hours=30)
        for path, (body, content_type, _when) in list(bucket.objects.items()):
            bucket.objects[path] = (body, content_type, long_ago)
        perform("sweep_orphan_media")
        assert bucket.objects == {}
