"""`/admin/escala/`: the week and its holes in words, shifts, absences, work, own presence."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core.db import db, writing
from dealership.attendants import read_workers
from dealership.audit import AuditEntry
from dealership.business_time import schedules
from dealership.coverage import holes, without_stand_in
from dealership.presence import presence_of
from dealership.roles import Role
from dealership.roster import (
    AbsenceReason,
    ShiftFacts,
    WorkFacts,
    absences_of,
    add_absence,
    set_shifts,
    set_work,
    shifts_of,
    work_of,
)
from dealership.staff import StaffMember, create_staff
from tests.factories import make_store

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
MONDAY = date(2026, 11, 23)
WEEK = [MONDAY + timedelta(days=n) for n in range(7)]
START = datetime.combine(MONDAY, time(), tzinfo=SAO_PAULO)
LUNCHING = [
    ShiftFacts(day, starts, ends)
    for day in range(5)
    for starts, ends in ((time(8), time(12)), (time(13), time(18)))
]
HOSTILE = "<script>alert(1)</script>"


def hire(name, role=Role.ATTENDANT, *stores, shifts=()):
    with writing():
        member = create_staff(f"p{abs(hash(name))}@loja.example", role, name=name)
        member.stores = [db.session.merge(store) for store in stores]
        set_shifts(member, shifts)
    return member


def found_holes():
    workers = read_workers(START - timedelta(days=1), START + timedelta(days=8))
    found = holes(workers, schedules(), WEEK)
    return found, [one.name for one in without_stand_in(workers, found)]


def fresh(staff_id):
    db.session.rollback()
    return db.session.get_one(StaffMember, staff_id)


# --- holes -----------------------------------------------------------------------------------


def test_a_lone_attendants_lunch_is_a_hole_until_somebody_stands_in(app):
    store = make_store()  # Monday to Friday, 8 to 18
    ana = hire("Ana", shifts=LUNCHING)
    rui = hire("Rui", Role.SUPERVISOR)
    found, lonely = found_holes()
    noon = START + timedelta(hours=12)
    assert [(one.store_id, one.day, one.span, one.stand_in) for one in found] == [
        (store.id, day, (noon + timedelta(days=n), noon + timedelta(days=n, hours=1)), "")
        for n, day in enumerate(WEEK[:5])
    ]
    assert lonely == ["Ana"]
    with writing():
        set_work(ana, WorkFacts(stand_in_id=rui.id))
    found, lonely = found_holes()
    assert {one.stand_in for one in found} == {"Rui"}
    assert lonely == []
    with writing():  # the stand-in eats at the same time
        set_shifts(rui, LUNCHING)
    found, lonely = found_holes()
    assert ({one.stand_in for one in found}, lonely) == ({""}, ["Ana"])


def test_two_who_take_turns_leave_no_hole_and_an_absence_does(app):
    make_store()
    ana = hire("Ana", shifts=LUNCHING)
    hire("Bia", shifts=[ShiftFacts(day, time(11), time(18)) for day in range(5)])
    assert found_holes() == ([], [])
    with writing():
        add_absence(ana, START, START + timedelta(days=1), AbsenceReason.SICK, by="x")
    found, lonely = found_holes()
    assert [(one.day, one.span.end - one.span.start) for one in found] == [
        (MONDAY, timedelta(hours=3))
    ]
    assert lonely == ["Ana"]


def test_a_store_is_covered_by_its_own_people_only(app):
    here, there = make_store(), make_store()
    hire("Ana", Role.ATTENDANT, here)
    found, _lonely = found_holes()
    assert {one.store_id for one in found} == {there.id}


# --- the screen ------------------------------------------------------------------------------


def test_the_week_says_when_nobody_answers(sign_in):
    make_store()
    ana = hire(HOSTILE, shifts=LUNCHING)
    with writing():
        add_absence(
            ana, START + timedelta(days=4), START + timedelta(5), AbsenceReason.SICK, by="x"
        )
    boss = sign_in("supervisor")
    page = boss.get("/admin/escala/?semana=2026-11-25").text
    assert "Segunda a quinta 12h–13h: <strong>ninguém" in page
    assert "Sexta 8h–18h: <strong>ninguém" in page
    assert "Atestado" in page
    assert f"/admin/escala/{ana.id}/#trabalho" in page
    assert HOSTILE not in page
    colleague = sign_in("attendant").get("/admin/escala/?semana=2026-11-25").text
    assert "Ausente" in colleague
    assert "Atestado" not in colleague  # health is not for colleagues
    assert f"/admin/escala/{ana.id}/" not in colleague
    for nonsense in ("9999-99-99", "0001-01-01", "9999-12-31", "%00", HOSTILE):
        assert boss.get("/admin/escala/", query_string={"semana": nonsense}).status_code == 200


def test_many_people_cost_no_more_statements(sign_in, statements):
    staff_id = hire("Ana", Role.ATTENDANT, make_store(), shifts=LUNCHING).id
    boss = sign_in("owner")

    def cost(path):
        db.session.remove()
        statements.clear()
        assert boss.get(path).status_code == 200
        return len(statements)

    paths = ("/admin/escala/", f"/admin/escala/{staff_id}/")
    few = [cost(path) for path in paths]
    for number in range(6):
        hire(f"P{number}", Role.ATTENDANT, make_store(), shifts=LUNCHING)
    assert [cost(path) for path in paths] == few


def test_shifts_are_typed_copied_and_saved(sign_in):
    make_store()
    ana = hire("Ana")
    boss = sign_in("supervisor")
    path = f"/admin/escala/{ana.id}/"
    monday = {"comeca-0": ["08:00", "13h"], "termina-0": ["12:00", "18"]}
    page = boss.post(f"{path}turnos", {**monday, "copiar": "0-uteis"}).text
    assert page.count('value="08:00"') == 5
    assert shifts_of(fresh(ana.id)) == []
    assert boss.post(f"{path}turnos", monday).status_code == 303
    assert shifts_of(fresh(ana.id)) == LUNCHING[:2]
    entry = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()[-1]
    assert entry.action == "roster.shifts"
    assert "8h–12h, 13h–18h" in str(entry.after)


def test_shifts_that_cannot_be_come_back_as_they_were_typed(sign_in):
    here, there = make_store(), make_store()
    ana = hire("Ana", Role.ATTENDANT, here, shifts=LUNCHING)
    boss = sign_in("supervisor")
    for sent in (
        {"comeca-2": ["08:00", "11:00"], "termina-2": ["12:00", "18:00"]},
        {"comeca-2": HOSTILE, "termina-2": "12:00"},
        {"comeca-2": "08:00", "termina-2": "12:00", "loja-2": str(there.id)},
        {"comeca-2": "08:00", "termina-2": "12:00", "loja-2": "9" * 30},
    ):
        answer = boss.post(f"/admin/escala/{ana.id}/turnos", sent)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
        assert HOSTILE not in answer.text
    assert shifts_of(fresh(ana.id)) == LUNCHING


def test_who_opened_the_form_before_a_colleague_saved_is_told(sign_in):
    make_store()
    ana = hire("Ana")
    boss, path = sign_in("supervisor"), f"/admin/escala/{ana.id}/turnos"
    old = boss.get(f"/admin/escala/{ana.id}/").text.partition('name="visto" value="')[2][:16]
    sent = {"comeca-0": "08:00", "termina-0": "12:00", "visto": old}
    assert boss.post(path, sent).status_code == 303
    assert boss.post(path, {**sent, "termina-0": "13:00"}).status_code == 409
    assert shifts_of(fresh(ana.id))[0].ends == time(12)


def test_an_absence_is_put_down_once_and_taken_off_once(sign_in):
    make_store()
    ana = hire("Ana")
    boss, path = sign_in("supervisor"), f"/admin/escala/{ana.id}/ausencias"
    sent = {"de": "24/12/2026", "ate": "2026-12-31", "motivo": "sick"}
    assert [boss.post(path, sent).status_code for _ in range(2)] == [303, 422]
    (row,) = absences_of(fresh(ana.id), START)
    assert row.starts_at == datetime(2026, 12, 24, tzinfo=SAO_PAULO)
    assert row.ends_at == datetime(2027, 1, 1, tzinfo=SAO_PAULO)
    entries = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
    assert "sick" not in str(entries[-1].after)
    for bad in (
        {**sent, "de": "", "ate": ""},
        {**sent, "de": "0001-01-01"},
        {**sent, "de": "2027-03-02", "ate": "2027-03-01"},
        {**sent, "de": "2027-03-02", "ate": "2027-03-02", "das": "14:00", "as": "13:00"},
        {**sent, "de": "2027-03-02", "das": HOSTILE},
        {**sent, "de": "2027-03-02", "ate": "2027-03-02", "motivo": "x"},
    ):
        answer = boss.post(path, bad)
        assert answer.status_code == 422
        assert HOSTILE not in answer.text
    off = f"{path}/{row.id}/tirar"
    assert [boss.post(off).status_code for _ in range(2)] == [303, 404]


def test_work_is_set_and_nonsense_is_refused(sign_in):
    here, there = make_store(), make_store()
    ana = hire("Ana", Role.ATTENDANT, here)
    rui = hire("Rui", Role.SUPERVISOR)
    far = hire("Lia", Role.ATTENDANT, there)
    boss, path = sign_in("supervisor"), f"/admin/escala/{ana.id}/trabalho"
    good = {
        "departamento": ["service", "sales"],
        "limite": "25",
        "rodizio": "nao",
        "cobertura": str(rui.id),
    }
    boss.post(path, good)
    kept = WorkFacts(("sales", "service"), 25, False, rui.id)
    assert work_of(fresh(ana.id)) == kept
    for bad in (
        {**good, "limite": "0"},
        {**good, "limite": HOSTILE},
        {**good, "departamento": "roof"},
        {**good, "rodizio": "x"},
        {**good, "cobertura": str(far.id)},
        {**good, "cobertura": "9" * 40},
    ):
        assert boss.post(path, bad).status_code == 303
        assert work_of(fresh(ana.id)) == kept


def test_everybody_says_for_themselves_whether_they_are_there(sign_in):
    make_store()
    attendant = sign_in("attendant")
    me = db.session.scalars(sa.select(StaffMember).where(StaffMember.role == "attendant")).one().id
    path = "/admin/escala/presenca"
    assert attendant.post(path, {"estado": "lunch"}).status_code == 303
    assert presence_of(me).is_paused
    assert "Almoço" in attendant.get("/admin/escala/").text
    answer = attendant.post(path, {"estado": "held", "volta": "//evil.example/"})
    assert answer.location == "/admin/escala/"
    assert presence_of(me).held_until is not None
    attendant.post(path, {"estado": HOSTILE})
    assert not presence_of(me).is_paused
