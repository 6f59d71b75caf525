"""What a landing page was and will be: its versions, dates and tests. A part of admin.pages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import redirect, request
from flask_babel import format_datetime
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin.door import answer, at, changing, done, found, staff
from admin.page_builder import (
    EDIT,
    LIST,
    PUBLISH,
    SEE,
    Builder,
    label_of,
    page_or_404,
    publish_page,
)
from admin.page_fields import NAMES
from core.clock import DEFAULT_ZONE, now
from core.errors import DomainError
from core.text import row_number
from dealership.identity import identity
from landing import building, comparing, drafts, editing, experiments
from landing.blocks import Content, read_content
from landing.goals import Goal, goal_label
from landing.models import LandingPage, LandingRevision
from landing.verdict import Verdict, judge, sentence

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100


class History(Builder):
    """The tabs of a page beside the builder's."""

    # ---- versions ----

    @at("/<int:page_id>/versoes", SEE)
    def versions(self, page_id: int) -> str:
        """Every version, and what changed between two."""
        page = page_or_404(page_id)
        revisions = editing.revisions(page)
        compared = _compared(page, request.args)
        return str(
            self.render(
                "admin/pages_versions.html",
                page=page,
                revisions=revisions,
                live=editing.live_revision(page),
                compared=compared,
                differences=comparing.differences(compared[0].content, compared[1].content)
                if compared
                else [],
                names=NAMES,
                label_of=label_of,
                current_time=now(),
                told_when=lambda moment: format_datetime(moment, "dd/MM/yyyy HH:mm"),
                preview_of=lambda revision: (
                    f"/lp/{page.slug}?previa={editing.preview_token(revision)}"
                ),
            )
        )

    @at("/<int:page_id>/versoes/<int:number>/restaurar", EDIT, methods=("POST",))
    def restore(self, page_id: int, number: int) -> Response:
        """An earlier version as the newest one; what is live stays."""
        page = page_or_404(page_id)
        try:
            with page_changing("page.restore", page) as change:
                before = editing.revision_of(page).number
                revision = editing.restore(page, number, staff().email)
                drafts.drop_draft(page, staff().email)
                change.after = {"version": revision.number, "of": number}
        except editing.NoSuchPage:
            found(None)
        done(
            _("Version %(n)s is the newest again. Publish it to make it live.", n=number),
            undo=f"{LIST}{page_id}/versoes/{before}/restaurar",
        )
        return redirect(f"{LIST}{page_id}/", code=303)

    @at("/<int:page_id>/versoes/<int:number>/publicar", PUBLISH, methods=("POST",))
    def publish(self, page_id: int, number: int) -> Response:
        """One version live, now or at a time."""
        page = page_or_404(page_id)
        back = f"{LIST}{page_id}/versoes"
        try:
            moment = _moment(request.form.get("quando", ""), _zone(page))
            publish_page(page, number, moment)
        except editing.NoSuchPage:
            found(None)
        except DomainError as error:
            return answer(error, back)
        done(_("Version %(n)s will go live then.", n=number) if moment and moment > now()
             else _("Published: visitors see it now."))  # fmt: skip
        return redirect(back, code=303)

    # ---- dates and details ----

    @at("/<int:page_id>/agenda", SEE)
    def dates(self, page_id: int) -> str:
        """Window, name, campaign, store."""
        page = page_or_404(page_id)
        zone = _zone(page)
        typed = {
            "nome": page.name,
            "campanha": page.source_ref,
            "loja": str(page.store_id or ""),
            "inicio": _typed_moment(page.starts_at, zone),
            "fim": _typed_moment(page.ends_at, zone),
        }
        return self._dates(page, typed)

    @at("/<int:page_id>/agenda", PUBLISH, methods=("POST",))
    def set_dates(self, page_id: int) -> Response | tuple[str, int]:
        """Keep them."""
        page, form = page_or_404(page_id), request.form
        try:
            store_id = _chosen_store(form.get("loja", ""))
            zone = _zone(page)
            window = [_moment(form.get(name, ""), zone) for name in ("inicio", "fim")]
            with page_changing("page.dates", page) as change:
                change.before = _details(page)
                editing.describe(
                    page, form.get("nome", ""),
                    source_ref=form.get("campanha", ""), store_id=store_id,
                )  # fmt: skip
                editing.schedule(page, *window)
                change.after = _details(page)
        except DomainError as error:
            return self._dates(page_or_404(page_id), form, problem=str(error)), 422
        done(_("Saved."))
        return redirect(f"{LIST}{page_id}/agenda", code=303)

    # ---- test ----

    @at("/<int:page_id>/teste", SEE)
    def test(self, page_id: int) -> str:
        """What the variants that are live have shown."""
        page = page_or_404(page_id)
        revision = editing.live_revision(page)
        content = read_content(revision.content) if revision else None
        found_results, verdict = _results(page, content)
        return str(
            self.render(
                "admin/pages_test.html",
                page=page,
                content=content,
                results=found_results,
                verdict=verdict,
                words=sentence(verdict) if verdict else "",
                current_time=now(),
            )
        )

    @at("/<int:page_id>/teste/escolher", EDIT, methods=("POST",))
    def choose(self, page_id: int) -> Response:
        """The page as one variant shows it, as a draft to look at and publish."""
        page, by, key = page_or_404(page_id), staff().email, request.form.get("variante", "")
        newest = editing.revision_of(page)
        draft = drafts.find_draft(page, by)
        raw = draft.content if draft else newest.content
        base = draft.base_number if draft else newest.number
        if key not in (raw.get("variants") or {}):
            found(None)
        chosen = building.choose_variant(raw, key)
        with page_changing("page.choose_variant", page) as change:
            drafts.keep_draft(page, by, chosen, base, earlier=raw)
            change.after = {"variant": key}
        done(
            _("The page is now as variant %(key)s. Look at it and publish.", key=key),
            undo=f"{LIST}{page_id}/desfazer",
        )
        return redirect(f"{LIST}{page_id}/", code=303)

    def _dates(self, page: LandingPage, typed: Mapping[str, str], problem: str = "") -> str:
        zone = _zone(page)
        return str(
            self.render(
                "admin/pages_dates.html",
                page=page,
                typed=typed,
                problem=problem,
                zone=zone.key,
                stores=_stores(),
                goal=goal_label(Goal(page.goal)),
                current_time=now(),
            )
        )


def _results(
    page: LandingPage, content: Content | None
) -> tuple[experiments.Results | None, Verdict | None]:
    if content is None or len(content.weights) < 2:
        return None, None
    results = experiments.results(page.slug, content.weights)
    return results, judge(results.arms)


def _compared(
    page: LandingPage, arguments: Mapping[str, str]
) -> tuple[LandingRevision, LandingRevision] | None:
    numbers = list(filter(None, (row_number(arguments.get(name, "")) for name in ("de", "ate"))))
    if len(numbers) < 2:
        return None
    try:
        older, newer = (editing.revision_of(page, number) for number in sorted(numbers))
    except editing.NoSuchPage:
        found(None)
    return older, newer


def page_changing(action: str, page: LandingPage) -> Any:
    """`changing` about one page."""
    return changing(action, f"page:{page.id}", label=page.name, store_id=page.store_id)


def _details(page: LandingPage) -> dict[str, Any]:
    return {
        "name": page.name,
        "campaign": page.source_ref,
        "store": page.store_id,
        "starts": page.starts_at,
        "ends": page.ends_at,
    }


def _stores() -> list[tuple[int, str]]:
    """The stores that who is signed in may tie a page to."""
    return [(store.id, store.name) for store in identity().stores if staff().serves(store.id)]


def _chosen_store(text: str) -> int | None:
    if not text:
        return None
    if text not in {str(store_id) for store_id, _name in _stores()}:
        found(None)
    return int(text)


def _zone(page: LandingPage) -> ZoneInfo:
    """Where the page's dates are meant: in its store, else in the country's main zone."""
    store = next((one for one in identity().stores if one.id == page.store_id), None)
    return store.zone if store else DEFAULT_ZONE


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    """A date and time as a browser types it, in `zone`; None for nothing. Raises BadWindow."""
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=zone)
    except ValueError:
        raise editing.BadWindow(
            _("Type the date and the time, such as 30/11/2026 18:00.")
        ) from None


def _typed_moment(moment: datetime | None, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if moment else ""
