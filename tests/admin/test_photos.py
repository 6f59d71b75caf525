"""A car's photos behind the staff door: sent whole or in pieces, in order, away and back."""

import io
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image

from core.clock import now
from core.db import db, writing
from core.storage import storage
from dealership.audit import AuditEntry
from inventory import gallery, photo_uploads
from inventory.models import Photo, PhotoUpload, RemovedPhoto, Vehicle
from inventory.photo_uploads import PIECE_BYTES
from inventory.photos import add_photo
from tests.admin.conftest import StaffClient
from tests.factories import make_store, make_vehicle
from tests.pictures import encoded, flat_png, photo, quartered


def send(client: StaffClient, vehicle_id: int, *files: tuple[bytes, str], **fields: str) -> Any:
    data = {"fotos": [(io.BytesIO(content), name) for content, name in files], **fields}
    return client.post(
        f"/admin/fotos/{vehicle_id}/enviar", data, content_type="multipart/form-data"
    )


def begin(client: StaffClient, vehicle_id: int, data: bytes, slot: str = "") -> Any:
    fields = {"nome": "IMG_1.jpg", "tamanho": str(len(data)), "slot": slot}
    return client.post(f"/admin/fotos/{vehicle_id}/envios", fields)


def piece(client: StaffClient, path: str, data: bytes, offset: int) -> Any:
    return client.post(
        f"{path}?de={offset}",
        data[offset : offset + PIECE_BYTES],
        content_type="application/octet-stream",
    )


def in_pieces(client: StaffClient, vehicle_id: int, data: bytes, slot: str = "") -> Any:
    path = f"/admin/fotos/{vehicle_id}/envios/{begin(client, vehicle_id, data, slot).json['id']}"
    for offset in range(0, len(data), PIECE_BYTES):
        assert piece(client, path, data, offset).status_code == 200
    return client.post(f"{path}/concluir")


def photos(vehicle_id: int) -> list[Photo]:
    db.session.expire_all()
    return list(db.session.get_one(Vehicle, vehicle_id).photos)


def large_photo() -> bytes:
    """More than one piece."""
    noise = quartered(1600, 1200)
    noise.paste(Image.effect_noise((1600, 1000), 120), (0, 100))
    data = encoded(noise, quality=95)
    assert len(data) > PIECE_BYTES
    return data


def three_photos() -> tuple[int, list[int]]:
    vehicle = make_vehicle()
    for number in range(3):
        add_photo(vehicle, photo(number))
    return vehicle.id, [one.id for one in photos(vehicle.id)]


# --- taking in -------------------------------------------------------------------------------


def test_several_photos_in_one_plain_form_become_the_cars(sign_in):
    vehicle_id = make_vehicle().id
    seller = sign_in("seller")
    answer = send(seller, vehicle_id, (photo(1), "a.jpg"), (photo(2), "b.jpg"))
    assert answer.status_code == 303
    assert [one.position for one in photos(vehicle_id)] == [0, 1]
    assert "2 fotos" in seller.get(f"/admin/fotos/{vehicle_id}/").text
    actions = db.session.scalars(sa.select(AuditEntry.action)).all()
    assert actions == ["stock.photo", "stock.photo"]


def test_each_bad_file_is_named_in_clear_words_and_the_good_ones_stay(sign_in):
    vehicle_id = make_vehicle().id
    answer = send(
        sign_in("seller"),
        vehicle_id,
        (photo(1), "boa.jpg"),
        (b"MZ\x90\0 a program", "renomeado.jpg"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', "logo.svg"),
        (b"\0\0\0\x18ftypheic" + bytes(99), "iphone.heic"),
        (photo(2)[:3000], "<b>cortada.jpg"),
        (flat_png(10_000, 10_000), "cem-megapixels.png"),
        (b"", "vazia.jpg"),
    )
    assert answer.status_code == 422
    assert len(photos(vehicle_id)) == 1
    for words in ("não é uma foto", "HEIC", "incompleta", "pixels demais", "vazio"):
        assert words in answer.text, words
    assert "&lt;b&gt;cortada" in answer.text
    assert "<b>cortada" not in answer.text


def test_an_animation_is_taken_as_its_first_picture(sign_in):
    vehicle_id = make_vehicle().id
    frames = [quartered(), quartered().rotate(180)]
    moving = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100)
    assert send(sign_in("seller"), vehicle_id, (moving, "a.webp")).status_code == 303
    assert len(photos(vehicle_id)) == 1


def test_a_photo_in_pieces_arrives_whole_with_its_view(sign_in):
    vehicle_id = make_vehicle().id
    answer = in_pieces(sign_in("seller"), vehicle_id, large_photo(), "front")
    assert answer.status_code == 201
    assert f'data-photo="{answer.json["photo"]}"' in answer.json["card"]
    assert [one.slot for one in photos(vehicle_id)] == ["front"]
    assert db.session.scalar(sa.select(sa.func.count(PhotoUpload.id))) == 0
    assert not [file for file in storage().files(public=False) if file.key.startswith("upload/")]


def test_after_a_lost_connection_the_server_says_where_to_go_on(sign_in):
    vehicle_id = make_vehicle().id
    seller, data = sign_in("seller"), large_photo()
    path = f"/admin/fotos/{vehicle_id}/envios/{begin(seller, vehicle_id, data).json['id']}"
    piece(seller, path, data, 0)
    again = piece(seller, path, data, 0)  # the answer was lost, the phone sends it again
    assert again.status_code == 409
    assert again.json["offset"] == PIECE_BYTES
    assert seller.get(path).json["offset"] == PIECE_BYTES
    assert seller.post(f"{path}/concluir").status_code == 409
    for offset in range(PIECE_BYTES, len(data), PIECE_BYTES):
        piece(seller, path, data, offset)
    assert seller.post(f"{path}/concluir").status_code == 201
    assert seller.post(f"{path}/concluir").status_code == 404
    assert in_pieces(seller, vehicle_id, data).status_code == 201  # it never heard of the end
    assert len(photos(vehicle_id)) == 1


def test_an_upload_is_its_senders_alone(sign_in):
    vehicle_id, data = make_vehicle().id, photo(1)
    path = (
        f"/admin/fotos/{vehicle_id}/envios/{begin(sign_in('seller'), vehicle_id, data).json['id']}"
    )
    other = sign_in("owner")
    assert other.get(path).status_code == 404
    assert piece(other, path, data, 0).status_code == 404


def test_a_refused_photo_in_pieces_says_why_and_leaves_nothing(sign_in):
    vehicle_id = make_vehicle().id
    answer = in_pieces(sign_in("seller"), vehicle_id, b"no photo at all")
    assert answer.status_code == 422
    assert "não é uma foto" in answer.json["error"]
    assert db.session.scalar(sa.select(sa.func.count(PhotoUpload.id))) == 0
    assert not list(storage().files(public=False))


@pytest.mark.parametrize("size", ["0", "26000000", "-1", "muito", "1e9"])
def test_an_impossible_size_is_refused_before_a_byte_is_sent(sign_in, size):
    vehicle_id = make_vehicle().id
    answer = sign_in("seller").post(
        f"/admin/fotos/{vehicle_id}/envios", {"nome": "a", "tamanho": size}
    )
    assert answer.status_code == 422
    assert answer.json["error"]


def test_a_piece_that_is_larger_than_announced_is_refused(sign_in):
    vehicle_id, data = make_vehicle().id, photo(1)
    seller = sign_in("seller")
    path = f"/admin/fotos/{vehicle_id}/envios/{begin(seller, vehicle_id, data).json['id']}"
    for body in (data + b"x", data[:-1], b""):
        answer = seller.post(f"{path}?de=0", body, content_type="application/octet-stream")
        assert answer.status_code == 422
    assert piece(seller, path, data, -1).status_code == 409


def test_what_is_on_its_way_is_limited_and_swept_after_a_day(sign_in, monkeypatch):
    vehicle_id, data = make_vehicle().id, photo(1)
    seller = sign_in("seller")
    monkeypatch.setattr(photo_uploads, "OPEN_BYTES_EACH", len(data) * 2)
    first = begin(seller, vehicle_id, data)
    piece(seller, f"/admin/fotos/{vehicle_id}/envios/{first.json['id']}", data, 0)
    assert begin(seller, vehicle_id, data).status_code == 201
    assert begin(seller, vehicle_id, data).status_code == 422
    with writing() as session:
        session.execute(sa.update(PhotoUpload).values(created_at=now() - timedelta(hours=25)))
    photo_uploads.sweep_uploads({})
    assert not list(storage().files(public=False))
    assert begin(seller, vehicle_id, data).status_code == 201


def test_a_car_has_room_for_so_many_photos(sign_in, monkeypatch):
    monkeypatch.setattr(gallery, "MOST_PHOTOS", 2)
    vehicle_id = make_vehicle().id
    answer = send(sign_in("seller"), vehicle_id, *((photo(n), f"{n}.jpg") for n in range(4)))
    assert answer.status_code == 422
    assert len(photos(vehicle_id)) == 2
    assert "3.jpg" in answer.text


def test_a_flood_of_files_is_answered_and_the_first_ones_stay(sign_in):
    vehicle_id = make_vehicle().id
    files = [(photo(1), "a.jpg"), *((b"x", f"{n}.jpg") for n in range(499))]
    answer = send(sign_in("seller"), vehicle_id, *files)
    assert answer.status_code == 422
    assert "no máximo 30 fotos" in answer.text
    assert len(photos(vehicle_id)) == 1


# --- order, words, away and back -------------------------------------------------------------


def test_dragging_saves_the_whole_order_and_an_old_page_is_told(sign_in):
    vehicle_id, ids = three_photos()
    seller = sign_in("seller")
    wanted = [ids[2], ids[0], ids[1]]
    answer = seller.post(f"/admin/fotos/{vehicle_id}/ordem", {"ids": ",".join(map(str, wanted))})
    assert answer.status_code == 200
    assert [one.id for one in photos(vehicle_id)] == wanted
    old = seller.post(f"/admin/fotos/{vehicle_id}/ordem", {"ids": f"{ids[0]},{ids[1]}"})
    assert old.status_code == 409
    assert "mudaram" in old.json["error"]


def test_one_step_and_cover_without_the_script(sign_in):
    vehicle_id, (a, b, c) = three_photos()
    seller = sign_in("seller")
    seller.post(f"/admin/fotos/{vehicle_id}/{c}/mover", {"para": "antes"})
    assert [one.id for one in photos(vehicle_id)] == [a, c, b]
    seller.post(f"/admin/fotos/{vehicle_id}/{a}/mover", {"para": "antes"})  # first already
    assert [one.id for one in photos(vehicle_id)] == [a, c, b]
    for _click in range(2):
        assert seller.post(f"/admin/fotos/{vehicle_id}/{b}/capa").status_code == 303
    assert [one.id for one in photos(vehicle_id)] == [b, a, c]


def test_the_best_order_follows_the_views(sign_in):
    vehicle_id, (a, b, c) = three_photos()
    with writing() as session:
        session.get_one(Photo, b).slot = "dashboard"
        session.get_one(Photo, c).slot = "front"
    sign_in("seller").post(f"/admin/fotos/{vehicle_id}/melhor-ordem")
    assert [one.id for one in photos(vehicle_id)] == [c, b, a]


def test_a_deleted_photo_comes_back_where_it_was(sign_in):
    vehicle_id, (a, b, c) = three_photos()
    seller = sign_in("seller")
    with writing() as session:
        session.get_one(Photo, b).alt = "Painel"
    for _click in range(2):
        assert seller.post(f"/admin/fotos/{vehicle_id}/{b}/apagar").status_code == 303
    assert [one.id for one in photos(vehicle_id)] == [a, c]
    removed = db.session.scalars(sa.select(RemovedPhoto)).one()
    undo = f"/admin/fotos/{vehicle_id}/apagadas/{removed.id}/restaurar"
    assert undo in seller.get(f"/admin/fotos/{vehicle_id}/").text
    for _click in range(2):
        assert seller.post(undo).status_code == 303
    assert [one.alt for one in photos(vehicle_id)] == ["", "Painel", ""]
    assert [one.position for one in photos(vehicle_id)] == [0, 1, 2]


def test_words_and_view_are_kept_and_hostile_ones_are_text(sign_in):
    vehicle_id, (a, _b, _c) = three_photos()
    seller = sign_in("seller")
    canary = '"><script>alert(1)</script>'
    path = f"/admin/fotos/{vehicle_id}/{a}/descrever"
    assert seller.post(path, {"alt": canary, "slot": "wheel"}).status_code == 303
    page = seller.get(f"/admin/fotos/{vehicle_id}/").text
    assert "<script>alert" not in page
    assert photos(vehicle_id)[0].slot == "wheel"
    wrong = seller.post(path, {"alt": "Roda " * 50, "slot": "wheel"})
    assert wrong.status_code == 422
    assert "Roda Roda" in wrong.text
    assert seller.post(path, {"alt": "x", "slot": "hack"}).status_code == 422


def test_missing_views_are_named(sign_in):
    vehicle_id = make_vehicle().id
    seller = sign_in("seller")
    send(seller, vehicle_id, (photo(1), "a.jpg"), slot="front")
    page = seller.get(f"/admin/fotos/{vehicle_id}/").text
    missing = page[page.index("Faltam:") :].partition("<")[0]
    assert "Painel" in missing
    assert "Frente" not in missing


def test_dark_blurred_and_small_photos_are_pointed_out(sign_in):
    vehicle_id = make_vehicle().id
    seller = sign_in("seller")
    dark = encoded(quartered().point(lambda value: value // 12))
    blurred = encoded(quartered().resize((12, 9)).resize((1200, 900)))
    small = encoded(quartered(400, 300))
    send(seller, vehicle_id, (dark, "d.jpg"), (blurred, "b.jpg"), (small, "s.jpg"))
    page = seller.get(f"/admin/fotos/{vehicle_id}/").text
    for words in ("Escura", "tremida", "400 px"):
        assert words in page, words
    send(seller, vehicle_id, (photo(7), "good.jpg"))
    assert gallery.warnings_of(photos(vehicle_id)[-1]) == []


# --- who reaches it --------------------------------------------------------------------------


def test_another_stores_car_does_not_exist(sign_in):
    mine, theirs = make_store(), make_store()
    vehicle = make_vehicle(store=theirs)
    add_photo(vehicle, photo(1))
    vehicle_id, photo_id = vehicle.id, photos(vehicle.id)[0].id
    seller = sign_in("seller", stores=[mine])
    base = f"/admin/fotos/{vehicle_id}"
    assert seller.get(f"{base}/").status_code == 404
    assert send(seller, vehicle_id, (photo(2), "a.jpg")).status_code == 404
    assert begin(seller, vehicle_id, photo(2)).status_code == 404
    for path in ("ordem", "melhor-ordem", f"{photo_id}/mover", f"{photo_id}/capa",
                 f"{photo_id}/apagar", f"{photo_id}/descrever"):  # fmt: skip
        assert seller.post(f"{base}/{path}").status_code == 404, path
    assert vehicle.car_model.name not in seller.get("/admin/fotos/").text
    assert len(photos(vehicle_id)) == 1


def test_a_photo_of_another_car_is_not_reached_through_this_one(sign_in):
    _vehicle_id, ids = three_photos()
    other = make_vehicle()
    assert sign_in("seller").post(f"/admin/fotos/{other.id}/{ids[0]}/capa").status_code == 404


def test_attendants_change_no_photos(sign_in):
    vehicle_id, ids = three_photos()
    attendant = sign_in("attendant")
    assert attendant.get(f"/admin/fotos/{vehicle_id}/").status_code == 404
    assert attendant.post(f"/admin/fotos/{vehicle_id}/{ids[0]}/apagar").status_code == 404


def test_the_list_shows_the_barest_cars_first_in_a_fixed_number_of_statements(sign_in, statements):
    seller = sign_in("seller")
    assert "Nenhum carro à venda" in seller.get("/admin/fotos/").text
    full = make_vehicle(model="Onix")
    add_photo(full, photo(1))
    make_vehicle(model="Tracker")
    statements.clear()
    page = seller.get("/admin/fotos/").text
    few = len(statements)
    assert page.index("Tracker") < page.index("Onix")
    for _n in range(30):
        make_vehicle()
    statements.clear()
    seller.get("/admin/fotos/")
    assert len(statements) == few
