"""The media library: pictures taken in, described, used, replaced, deleted only when unused."""

import io
import os
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, render_template_string

from content import media
from content.media import MediaItem, MediaRefused
from core.clock import now
from core.db import db, writing
from core.storage import storage
from dealership.audit import AuditEntry
from dealership.looks import set_logo
from dealership.models import Banner, Dealership
from tests.admin.conftest import StaffClient
from tests.pictures import encoded, photo, quartered


def send(client: StaffClient, *files: tuple[bytes, str]) -> Any:
    data = {"arquivos": [(io.BytesIO(content), name) for content, name in files]}
    return client.post("/admin/midia/enviar", data, content_type="multipart/form-data")


def make_item(alt: str = "Fachada da loja ao entardecer", number: int = 1) -> MediaItem:
    prepared = media.prepare_media(photo(number))
    with writing():
        return media.record_media(prepared, title=f"foto-{number}", by="a@b.example", alt=alt)


def items() -> list[MediaItem]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(MediaItem).order_by(MediaItem.id)))


def test_a_picture_is_sent_and_must_be_described_before_use(sign_in):
    editor = sign_in("editor")
    answer = send(editor, (photo(1), "fotos/fachada.jpg"))
    item = items()[0]
    assert answer.status_code == 303
    assert answer.location == f"/admin/midia/{item.id}/"
    assert item.title == "fachada"
    with pytest.raises(MediaRefused):
        media.picked(str(item.id))
    saved = editor.post(
        f"/admin/midia/{item.id}/descrever", {"alt": "Fachada da loja", "title": ""}
    )
    assert saved.status_code == 303
    assert media.picked(str(items()[0].id)).as_photo()["alt"] == "Fachada da loja"
    actions = db.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id))
    assert actions.all() == ["media.upload", "media.describe"]


def test_bad_files_are_named_and_the_others_kept(sign_in):
    answer = send(
        sign_in("editor"),
        (photo(1), "boa.jpg"),
        (b"MZ\x90\0 a program", "foto.jpg"),
        (photo(2)[:3000], "cortada.jpg"),
        (b"\0\0\0\x18ftypheic" + bytes(99), "iphone.heic"),
    )
    assert answer.status_code == 422
    assert len(items()) == 1
    for name in ("foto.jpg", "cortada.jpg", "iphone.heic"):
        assert name in answer.text
    assert "HEIC" in answer.text


def test_the_same_picture_twice_is_one_entry(sign_in):
    editor = sign_in("editor")
    send(editor, (photo(1), "a.jpg"))
    send(editor, (photo(1), "b.jpg"))
    assert len(items()) == 1


@pytest.mark.parametrize("alt", ["", "   ", "IMG_1234.JPG"])
def test_a_description_says_something(sign_in, alt):
    item = make_item(alt="")
    answer = sign_in("editor").post(
        f"/admin/midia/{item.id}/descrever", {"alt": alt, "title": "Minha <b>foto</b>"}
    )
    assert answer.status_code == 422
    assert "Minha &lt;b&gt;foto&lt;/b&gt;" in answer.text
    assert items()[0].alt == ""


def test_hostile_words_come_out_as_text(sign_in):
    item = make_item()
    canary = '"><script>alert(1)</script>{{ 7*7 }}'
    editor = sign_in("editor")
    editor.post(f"/admin/midia/{item.id}/descrever", {"alt": canary, "title": canary})
    for path in ("/admin/midia/", f"/admin/midia/{item.id}/", "/admin/midia/escolher?campo=x"):
        page = editor.get(path).text
        assert "<script>alert" not in page
        assert "{{ 7*7 }}" in page


def test_a_picture_in_use_cannot_be_deleted_and_a_new_one_takes_its_place(sign_in):
    item = make_item()
    with writing() as session:
        session.add(Banner(title="Feirão", photo=item.as_photo()))
    editor = sign_in("editor")
    assert "Feirão" in editor.get(f"/admin/midia/{item.id}/").text
    editor.post(f"/admin/midia/{item.id}/apagar")
    assert items()[0].archived_at is None

    answer = editor.post(
        f"/admin/midia/{item.id}/trocar",
        {"arquivo": (io.BytesIO(photo(9)), "nova.jpg")},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 303
    banner = db.session.scalars(sa.select(Banner)).one()
    assert banner.photo["stem"] == items()[0].photo["stem"]
    assert banner.photo["alt"] == item.alt


def test_the_logo_follows_its_picture(sign_in):
    item = make_item()
    with writing() as session:
        group = Dealership(id=1, name="Grupo")
        session.add(group)
        set_logo(group, item.as_photo())
    old_key = group.logo_key
    editor = sign_in("editor")
    assert "/admin/identidade/" in editor.get(f"/admin/midia/{item.id}/").text
    editor.post(
        f"/admin/midia/{item.id}/trocar",
        {"arquivo": (io.BytesIO(photo(9)), "nova.jpg")},
        content_type="multipart/form-data",
    )
    db.session.expire_all()
    group = db.session.get_one(Dealership, 1)
    assert group.logo["stem"] == items()[0].photo["stem"]
    assert group.logo_key != old_key


def test_a_deleted_picture_comes_back_and_is_forgotten_after_a_month(sign_in):
    item = make_item()
    editor = sign_in("editor")
    editor.post(f"/admin/midia/{item.id}/apagar")
    assert items()[0].archived_at is not None
    assert editor.get(f"/admin/midia/{item.id}/").status_code == 404
    assert media.choices() == []
    editor.post(f"/admin/midia/{item.id}/restaurar")
    assert items()[0].is_usable

    with writing() as session:
        session.get_one(MediaItem, item.id).archived_at = now() - timedelta(days=31)
    key = f"{item.photo['stem']}-{item.photo['widths'][0]}.jpg"
    path = storage().root / "public" / key  # type: ignore[attr-defined]
    assert path.exists()
    os.utime(path, (0, 0))
    media.sweep_media({})
    assert items() == []
    assert not path.exists()


def test_search_finds_words_of_title_and_description(sign_in):
    make_item("Mecânico mostra o disco", 1)
    make_item("Cliente recebe a chave", 2)
    page = sign_in("editor").get("/admin/midia/?q=chave").text
    assert "Cliente recebe" in page
    assert "Mecânico" not in page
    assert (
        "Nenhuma imagem com essas palavras" in sign_in("owner").get("/admin/midia/?q=zebra%25").text
    )


def test_only_who_edits_content_reaches_the_library(sign_in):
    item = make_item()
    seller = sign_in("seller")
    for path in ("/admin/midia/", f"/admin/midia/{item.id}/"):
        assert seller.get(path).status_code == 404
    assert seller.post(f"/admin/midia/{item.id}/apagar").status_code == 404
    assert sign_in("editor").get("/admin/midia/999/").status_code == 404


def test_the_picker_offers_described_pictures_and_keeps_the_chosen_one(app: Flask):
    item, undescribed = make_item(number=1), make_item("", 2)
    template = (
        '{% from "macros/media.html" import media_picker with context %}'
        '{{ media_picker("foto", chosen) }}'
    )
    with app.test_request_context("/"):
        for chosen in (item, item.id, item.as_photo()):
            html = render_template_string(template, chosen=chosen, media_choices=media.choices)
            assert f'value="{item.id}" checked' in html
            assert f'value="{undescribed.id}"' not in html
        html = render_template_string(template, chosen=None, media_choices=media.choices)
        assert 'value="" checked' in html


def test_the_list_needs_the_same_number_of_statements_however_long(sign_in, statements):
    editor = sign_in("editor")
    make_item(number=1)
    statements.clear()
    editor.get("/admin/midia/")
    few = len(statements)
    with writing() as session:
        for number in range(200):
            session.add(MediaItem(digest=str(number), photo=dict(items()[0].photo), created_by="x"))
    statements.clear()
    editor.get("/admin/midia/")
    assert len(statements) == few


def test_a_see_through_logo_is_taken(sign_in):
    logo = encoded(quartered(300, 120).convert("RGBA"), "PNG")
    assert send(sign_in("owner"), (logo, "logo.png")).status_code == 303
