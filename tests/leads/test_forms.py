"""Photos of a car to be valued: whatever the files are, the lead stays and the place goes."""

import io
import os
import time
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from core.db import db, writing
from core.storage import StorageFull, storage
from jobs.models import Job
from leads.forms import MOST_PHOTOS, PHOTO_BYTES_MAX, TradeInForm
from leads.intake import process_submission
from leads.models import Enquiry, Submission
from leads.photos import ORPHAN_AGE, check_lead_photos, sweep_lead_photos
from tests.factories import make_store
from tests.pictures import flat_png, photo, turned_photo

CAR = {
    "nome": "Ana Teste",
    "telefone": "11987654321",
    "marca": "Fiat",
    "modelo": "Argo",
    "ano": "2021",
}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def send(client, *files: tuple[bytes, str], **fields: str):
    typed = {**CAR, "submission_id": str(uuid.uuid4()), **fields}
    uploads = [(io.BytesIO(data), name) for data, name in files]
    return client.post("/avaliacao", data={**typed, "fotos": uploads})


def enquiry_of() -> Enquiry:
    for submission in db.session.scalars(sa.select(Submission)).all():
        process_submission({"submission_id": submission.id})
    return db.session.scalars(sa.select(Enquiry)).one()


def check(enquiry: Enquiry) -> None:
    record = check_lead_photos({"enquiry_id": enquiry.id})
    if record:
        with writing():
            record()
    db.session.expire_all()


def stored() -> list[str]:
    return sorted(file.key for file in storage().files(public=False))


def test_photos_are_kept_in_private_before_the_lead_and_redrawn_without_their_place(client):
    assert send(client, (turned_photo(6), "IMG_1.jpg"), (photo(), "../x.php")).status_code == 303
    submission = db.session.scalars(sa.select(Submission)).one()
    keys = [f"leads/{submission.id}/{number}" for number in (1, 2)]
    assert submission.payload["details"]["photos"] == keys == stored()
    enquiry = enquiry_of()
    assert db.session.scalars(sa.select(Job).where(Job.kind == "check_lead_photos")).one()
    check(enquiry)
    assert enquiry.details["photos"] == [f"{key}.jpg" for key in keys] == stored()
    with storage().open(f"{keys[0]}.jpg", public=False) as file:
        picture = Image.open(file)
        assert picture.width > picture.height  # upright
        assert not picture.getexif()
        assert "exif" not in picture.info
    check(enquiry)
    assert enquiry.details["photos"] == stored()
    for key in (*keys, f"{keys[0]}.jpg"):
        assert client.get(f"/media/{key}").status_code == 404


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (SVG, "car.svg"),
        (b"<html><script>alert(1)</script>", "car.jpg"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "car.png"),
        (flat_png(12_001, 40), "bomb.png"),
        (photo()[:2000], "half.jpg"),
        (b"PK\x03\x04" + b"x" * 100, "car.zip"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, "IMG.HEIC"),
    ],
)
def test_a_hostile_file_is_noted_and_gone_and_the_lead_stays(client, data, name):
    assert send(client, (data, name), (photo(), "good.jpg")).status_code == 303
    enquiry = enquiry_of()
    check(enquiry)
    assert list(enquiry.details["photos_refused"]) == ["1"]
    assert enquiry.details["photos"] == stored()
    assert len(stored()) == 1
    assert stored()[0].endswith("/2.jpg")
    assert enquiry.lead_id


def test_empty_heavy_and_too_many_files_cost_no_lead_and_are_told(client):
    heavy = b"\xff\xd8" + b"0" * PHOTO_BYTES_MAX
    many = [(photo(), f"{n}.jpg") for n in range(MOST_PHOTOS - 1)]
    answer = send(client, (b"", "empty.jpg"), (heavy, "heavy.jpg"), *many)
    assert answer.status_code == 303
    submission = db.session.scalars(sa.select(Submission)).one()
    assert len(submission.payload["details"]["photos"]) == MOST_PHOTOS - 2
    assert submission.payload["details"]["photos_lost"] == 3
    assert "3 fotos" in client.get(answer.location).text or "3 photos" in (
        client.get(answer.location).text
    )


def test_an_empty_file_field_is_no_photo(client):
    assert send(client, (b"", "")).status_code == 303
    assert "photos_lost" not in db.session.scalars(sa.select(Submission)).one().payload["details"]


def test_a_hundred_parts_are_too_many(client):
    assert send(client, *[(b"x", f"{n}.jpg") for n in range(100)]).status_code == 413
    assert stored() == []


def test_a_store_of_files_that_refuses_loses_photos_and_no_lead(client, monkeypatch):
    def full(*_args: object, **_options: object) -> None:
        raise StorageFull("full")

    monkeypatch.setattr(type(storage()), "put", full)
    answer = send(client, (photo(), "a.jpg"))
    assert answer.status_code == 303
    assert db.session.scalars(sa.select(Submission)).one().payload["details"]["photos_lost"] == 1
    assert client.get(answer.location).status_code == 200


def test_a_double_click_with_photos_is_one_submission_and_other_photos_are_another(client):
    make_store()
    key = str(uuid.uuid4())
    answers = [send(client, (photo(n), "a.jpg"), submission_id=key) for n in (1, 1, 2)]
    assert answers[0].location == answers[1].location != answers[2].location
    assert db.session.scalar(sa.select(sa.func.count(Submission.id))) == 2


def test_photos_of_a_refused_form_are_not_kept(client):
    assert send(client, (photo(), "a.jpg"), ano="?").status_code == 422
    assert stored() == []


def make_old(app, *spared: str) -> None:
    root = Path(app.extensions["vitrine"].media_dir) / "private"
    old = time.time() - ORPHAN_AGE.total_seconds() - 60
    for key in stored():
        if key not in spared:
            os.utime(root / key, (old, old))


def test_only_photos_whose_lead_never_came_are_swept(app, client):
    send(client, (photo(), "a.jpg"))
    orphan = f"leads/{'0' * 32}/1"
    young = f"leads/{'1' * 32}/1"
    for key in (orphan, young):
        storage().put(key, b"x", content_type="image/jpeg", public=False)
    make_old(app, young)
    sweep_lead_photos({})
    (submission,) = db.session.scalars(sa.select(Submission)).all()
    assert stored() == sorted([f"leads/{submission.id}/1", young])


def test_a_late_repeat_brings_no_original_back_for_good(app, client):
    key = str(uuid.uuid4())
    send(client, (turned_photo(6), "a.jpg"), submission_id=key)
    enquiry = enquiry_of()
    check(enquiry)
    send(client, (turned_photo(6), "a.jpg"), submission_id=key)
    assert len(stored()) == 2
    make_old(app)
    sweep_lead_photos({})
    assert stored() == enquiry.details["photos"]


def test_the_sweeper_of_offers_leaves_leads_photos_alone(client):
    from_lead = f"leads/{'0' * 32}/1"
    storage().put(from_lead, b"x", content_type="image/jpeg", public=False)
    from_inventory = pytest.importorskip("inventory.photos")
    from_inventory.sweep_orphan_media({})
    assert stored() == [from_lead]


def test_digests_of_uploads_leave_the_stream_at_its_start(app):
    with app.test_request_context(
        "/avaliacao", method="POST", data={**CAR, "fotos": [(io.BytesIO(b"abc"), "a.jpg")]}
    ) as context:
        form = TradeInForm.posted(context.request)
        assert len(form.fields["fotos"]) == 32
        assert form.uploads[0].stream.read() == b"abc"


def test_photos_of_strangers_do_not_take_the_last_of_the_disk(client, monkeypatch):
    monkeypatch.setattr("core.health.LEAST_FREE_SHARE", 1.01)  # nearly full
    answer = send(client, (photo(), "a.jpg"))
    assert answer.status_code == 303
    assert stored() == []
    assert db.session.scalars(sa.select(Submission)).one().payload["details"]["photos_lost"] == 1
