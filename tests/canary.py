"""A site whose every text is hostile: it runs, computes or breaks out wherever it is not treated
as text. `tests/page_reading.py` judges what comes out."""

import re
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from admin import staff_mail
from content.invitations import invite as ask_for_words
from core.db import db, writing
from dealership import invitations
from dealership.roles import Role
from dealership.staff import StaffMember, create_staff, find_staff
from demo.loading import load_demo
from inventory.lifecycle import move
from inventory.models import Vehicle
from inventory.stock_version import touch
from jobs.models import Job
from jobs.queue import enqueue
from jobs.worker import JobSetup, Worker
from landing.blocks import CAR_PLACE
from landing.models import LandingPage
from leads import cases, people, subscriptions
from leads.models import Mail
from tests.admin.addresses import every_address
from tests.admin.rows import NEEDS_MORE, Asked, make_row, maker_of
from tests.factories import make_store
from tests.page_reading import Reading, filled

# Each begins like a formula, closes an attribute, opens an element and asks a template to compute
# 49. The longest that fits goes into a column: a cut one might be harmless by accident.
CANARIES: Final = (
    "=1+1\"'><script>window.canary=1</script><img src=x onerror=window.canary=2>{{7*7}}${7*7}",
    "=1+1\"'><script>canary=1</script>{{7*7}}",
    "=1\"'><img src=x onerror=canary=1>",
    "=\"'><b id=canary>",
    "='><b>",
)
CANARY: Final = CANARIES[0]
INJECTION: Final = f"{CANARY}\r\nBcc: canary@mal.example\r\n\r\n"
PEOPLE: Final = {role.value: f"{role.value}@loja.example" for role in Role}

# Columns that hold nobody's words, by the reason; `*` stands for any table. A canary there would
# only prove that a broken database breaks pages.
LEFT_OUT: Final[dict[str, str]] = {
    "our own words for states and kinds, which code switches on": """
        *.state *.kind *.slot *.goal *.item *.answer *.purpose *.channel *.from_state *.to_state
        *.place *.role *.condition *.fuel *.transmission *.body *.color *.department *.size
        *.end_reason stop_entry.source stop_entry.reason stop_entry.why_ended audit_entry.action
        bulk_change.rule export_file.options stock_import.columns
        stock_import.report import_layout.columns dealership.font_family vehicle.features
        vehicle.history store.zone store.state_code bulk_item.before bulk_item.after
        goal.measure goal.scope commission_rule.event_kind commission_statement.body
        commission_doubt.line_key
        lead.turn lead.stage_before lead.next_action absence.reason presence.status
        presence.pause_reason work_profile.departments queue_rules.rules api_token.scopes
        webhook_endpoint.kinds person_merge.reason person_merge.recipe possible_duplicate.reasons
        shopper_round.door shopper_round.source shopper_round.answers shopper_door.door
        message_template.situation cadence_run.cadence cadence_run.stage
        commission_rule.event_kind commission_rule.tiers commission_statement.body *.measure
        *.scope *.event
        company.category outreach_entry.stage outreach_entry.end_reason contact_import.basis
        contact_import.columns contact_import.report contact_basis.basis catch_up.care_state
        notice.push notice.mail notice.subject notice.path notice_wishes.choices
        """,
    "keys and digests that we make": """
        *.digest *.token *.token_digest *.old_token_digest *.code_digest *.text_digest *.dedup_key
        *.file_key *.original_key *.logo_key *.code *.split *.variant *.visitor *.experiment
        *.submission_id submission.source *.idem_key *.page_key *.message_id *.public_id *.slug
        waiting_place.who_digest
        *.folded person_key.value portal_account.options job.payload job.owner timetable.name
        worker_heartbeat.owner photo_upload.id photo_upload.created_by export_file.id
        export_file.created_by submission.id staff.fs_uniquifier staff.fs_webauthn_user_handle
        staff.password staff.tf_primary_method staff.tf_totp_secret staff.tf_phone_number
        passkey.device_type passkey.extensions passkey.usage staff_role.name
        staff_role.description removed_photo.facts notice.key push_key.public *.cookie_digest
        push_device.endpoint push_device.p256dh push_device.auth
        """,
    "facts whose form every door checks: numbers, addresses, dates": """
        *.phone *.whatsapp *.cnpj *.postal_code *.brand_color *.network *.license_plate *.renavam
        *.vin *.fipe_code *.month *.youtube *.number *.email *.to_address *.reply_to
        *.contact *.store_ids *.photo *.renditions *.quality *.logo
        menu_entry.path banner.path redirect.from_path redirect.to_path keyword.path page_text.path
        portal_account.base_url vehicle.video_url photo.source_url saved_filter.query
        """,
    "mails that were written, judged as they are": "mail.html mail.headers mail.attachments",
}
_SKIPPED: Final = frozenset(name for names in LEFT_OUT.values() for name in names.split())
# The same inside JSON: by the name of the value.
_CODES_INSIDE: Final = frozenset(
    """kind goal filter vehicles vehicle stem formats color icon slug store stores youtube path
    testimonials key code at phone email brand_color font_family until photo picture widths day
    month moment landing due_at return_at effective_at delivered_on next_on
    expected_on""".split()  # noqa: SIM905
)
_MOST_INSIDE: Final = 33  # what the tightest of our schemas takes


def fitting(most: int | None) -> str:
    """The longest canary of at most `most` characters."""
    return next((text for text in CANARIES if most is None or len(text) <= most), "")


def hostile_site(app: Flask) -> dict[str, str]:
    """A dealership with everything in it, its people (`PEOPLE`), and a canary in every text of
    anybody's: stored, then typed into the public forms, and mailed. Returns the path of each staff
    address that is read, by endpoint."""
    load_demo(4, with_photos=False)
    with writing():
        for role, email in PEOPLE.items():
            create_staff(email, Role(role), name="Ana")
    owner = find_staff(PEOPLE["owner"])
    assert owner
    paths = make_rows(owner)
    poison()
    type_into_forms(app)
    ask_for_mails(app)
    return paths


def make_rows(owner: StaffMember) -> dict[str, str]:
    """Rows for every staff address: the path of each that is read, by endpoint."""
    store = make_store()
    made: dict[Any, dict[str, Any]] = {}
    paths = {}
    for address in every_address():
        if address.endpoint in NEEDS_MORE:
            continue
        asked = Asked(address.rule, address.endpoint, address.names, owner)
        maker = maker_of(address.endpoint, address.names) if address.names else None
        key = (maker, address.names, address.rule.split("/")[2] if maker else "")
        if key not in made:
            made[key] = make_row(store, asked)
        if address.method == "GET":
            paths[address.endpoint] = address.path(made[key])
    return paths


def work(app: Flask) -> None:
    """Do all jobs that are due; none may fail."""
    db.session.rollback()
    Worker(app, JobSetup(app.extensions["vitrine_jobs"].handlers), threads=1).run(drain=True)
    db.session.rollback()
    failed = sa.select(Job.kind, Job.last_error).where(Job.last_error.is_not(None))
    assert [row for row in db.session.execute(failed) if row[1] not in CANARIES] == []


# --- stored ----------------------------------------------------------------------------------


def poison() -> set[str]:
    """Put a canary into every text in the database that is somebody's words; returns the columns,
    as "table.column"."""
    done = set()
    with db.engine.begin() as connection:
        for table in db.metadata.sorted_tables:
            for column in table.columns:
                if _is_text(column):
                    _fill(connection, table, column)
                    done.add(f"{table.name}.{column.name}")
    db.session.expire_all()
    with writing() as session:
        touch(session.scalars(sa.select(Vehicle)).all())
    return done


def _is_text(column: sa.Column[Any]) -> bool:
    names = {f"{column.table.name}.{column.name}", f"*.{column.name}"}
    return isinstance(column.type, sa.String | sa.JSON) and not names & _SKIPPED


def _fill(connection: sa.Connection, table: sa.Table, column: sa.Column[Any]) -> None:
    keys = list(table.primary_key.columns)
    if isinstance(column.type, sa.String):
        text: Any = fitting(column.type.length)
        if _is_unique(column):
            text = fitting((column.type.length or 200) - 8) + " "
            text = sa.literal(text) + sa.cast(keys[0], sa.String)
        connection.execute(table.update().where(column.is_not(None)).values({column: text}))
        return
    for row in connection.execute(sa.select(*keys, column)).all():
        if row[-1] is not None:
            same = [key == value for key, value in zip(keys, row, strict=False)]
            connection.execute(table.update().where(*same).values({column: _within(row[-1])}))


def _is_unique(column: sa.Column[Any]) -> bool:
    rules = [rule for rule in column.table.constraints if isinstance(rule, sa.UniqueConstraint)]
    indexes = [index for index in column.table.indexes if index.unique]
    return any(column.name in rule.columns for rule in (*rules, *indexes))


def _within(value: Any, name: str = "") -> Any:
    """`value` of a JSON column with a canary for each text in it."""
    if name in _CODES_INSIDE:
        return value
    if isinstance(value, str):
        place = CAR_PLACE if CAR_PLACE in value else ""
        return fitting(_MOST_INSIDE) + place
    if isinstance(value, list):
        return [_within(one, name) for one in value]
    if isinstance(value, dict):
        return {key: _within(one, key) for key, one in value.items()}
    return value


# --- typed, and mailed -----------------------------------------------------------------------


def public_pages(
    app: Flask, client: FlaskClient, *, most: int = 2
) -> Iterator[tuple[str, TestResponse]]:
    """The site as a stranger finds it: from the front page, the campaigns and the mails along all
    links, `most` pages of each kind."""
    campaigns = db.session.scalars(sa.select(LandingPage.slug)).all()
    mails = db.session.scalars(sa.select(Mail.html)).all()
    links = ["/", "/robots.txt", "/sitemap.xml", "/_emails", "/_componentes"]
    links += [f"/lp/{slug}" for slug in campaigns]
    links += [link for html in mails for link in Reading(html).links]
    router = app.url_map.bind("localhost")
    seen: set[str] = set()
    visits: dict[str, int] = {}
    while links:
        path = links.pop(0).removeprefix("http://localhost").partition("#")[0]
        if not path.startswith("/") or path.startswith("//") or path in seen:
            continue
        seen.add(path)
        try:
            endpoint = router.match(path.partition("?")[0])[0]
        except HTTPException:
            continue
        is_ours = not endpoint.startswith(("staff_", "admin", "audit_log", "static"))
        visits[endpoint] = visits.get(endpoint, 0) + 1
        if is_ours and (visits[endpoint] <= most or path.startswith("/lp/")):
            answer = client.get(path)
            if answer.mimetype == "text/html":
                links += Reading(answer.text).links
            if answer.mimetype == "application/xml":
                links += re.findall(r"<loc>([^<]+)</loc>", answer.text)
            yield path, answer


def type_into_forms(app: Flask) -> None:
    """Send hostile text through every public form, once for each kind of form."""
    client, done = app.test_client(), set()
    for path, page in public_pages(app, client, most=1):
        for form in Reading(page.text).forms if page.mimetype == "text/html" else ():
            fields = tuple(one.name for one in form.fields)
            if form.method == "post" and fields not in done:
                done.add(fields)
                client.post(form.action or path, data=filled(form, INJECTION))


def ask_for_mails(app: Flask) -> None:
    """Have those mails written that no public form brings about, and an open case kept."""
    with writing() as session:
        owner = find_staff(PEOPLE["owner"])
        assert owner
        staff_mail.ask_reset(owner.email)
        staff_mail.ask_changed(owner)
        new = invitations.invite("nova@loja.example", Role.SELLER, [], name=CANARIES[1], by=owner)
        staff_mail.ask_invitation(new)
        ask_for_words("lia@example.com", name=CANARIES[1], car=CANARIES[1], by=owner.email)
        person = people.find_or_create_person(name=CANARY, email="rui@example.com")
        cases.confirm_by_staff(cases.open_case("access", person.email))
        cases.open_case("erasure", person.email)  # waits for its code
        cheaper, sold = session.scalars(
            sa.select(Vehicle).where(Vehicle.state == "published").limit(2)
        )
        for car in (cheaper, sold):
            subscriptions.subscribe(person, "price_alert", vehicle=car)
        subscriptions.subscribe(person, "newsletter")
    work(app)
    with writing() as session:
        cheaper = session.get_one(Vehicle, cheaper.id)
        cheaper.promo_price_cents = None
        cheaper.price_cents = 1_000_00
        touch([cheaper])
        move(session.get_one(Vehicle, sold.id), "sold", by="x")
        enqueue("price_alerts", {}, dedup_key="canary")
    work(app)
