"""`/admin/paginas/<id>/`: the builder. One form holds the whole page; each button posts all of it.

What is typed is kept as the person's own draft with every post, so that nothing is lost and the
preview shows it; only "save" makes a version of it. The script does nothing that the buttons do
not do too.
"""

from typing import Any, Final
from urllib.parse import urlencode

from flask import jsonify, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from admin.door import StaffView, at, changing, done, found, is_sure, staff
from admin.page_fields import (
    ABOUT,
    LABELS,
    MODELS,
    NAMES,
    fields_of,
    read_content_form,
)
from admin.page_state import (
    Building,
    building_of,
    filter_form,
    find_cars,
    judge,
    place_words,
)
from content.calls_to_action import suggestion_for
from core.clock import now
from core.db import db, writing
from core.headers import allow_framing
from core.text import clean_line, row_number
from dealership.roles import Permission
from inventory import search
from inventory.filters import SORT_VALUES
from landing import building, comparing, drafts, editing
from landing.blocks import BadContent, Match, Variant
from landing.drafts import NewerRevision
from landing.editing import NotPublishable
from landing.goals import Goal, goal_label
from landing.models import LandingPage
from landing.showing import show

SEE, EDIT, PUBLISH = Permission.SEE_PAGES, Permission.EDIT_PAGES, Permission.PUBLISH_PAGES
LIST: Final = "/admin/paginas/"
Raw = dict[str, Any]


def page_or_404(page_id: int) -> LandingPage:
    """The page with that id, if it is of a store that the person serves."""
    page = db.session.get(LandingPage, page_id)
    return found(page, page.store_id if page else None)


class Builder(StaffView):
    """Builds one page: the part of admin.pages.Pages below a page's number."""

    @at("/<int:page_id>/", SEE)
    def build(self, page_id: int) -> str:
        """The page as a form, its preview beside it."""
        state = building_of(page_or_404(page_id), staff().email)
        place = request.args.get("bloco", "")
        number = row_number(place)
        if "busca" in request.args and number is not None:
            state.query = clean_line(request.args["busca"], 80)
            state.found, state.found_for = find_cars(state.query), number
        return self._drawn(state, opened=number or 0)

    @at("/<int:page_id>/", EDIT, methods=("POST",))
    def change(self, page_id: int) -> Response | str | tuple[str, int]:
        """Whatever button was pressed: the whole form comes along."""
        page = page_or_404(page_id)
        raw, numbers = read_content_form(request.form, page.goal)
        do, _colon, what = request.form.get("do", "keep").partition(":")
        if do == "publish" and not staff().may(PUBLISH):
            found(None)
        if do in {"save", "publish", "override"}:
            return self._save(page, raw, do)
        if do == "drop":
            return self._drop(page) if is_sure() else self._ask_before_drop(page, raw)
        before = raw
        raw, place = _changed(raw, do, what, numbers, Goal(page.goal))
        with writing():  # a draft is nobody's business but its author's: no audit
            drafts.keep_draft(
                page, staff().email, raw, _base(), earlier=before if do == "remove" else None
            )
        if request.accept_mimetypes.best == "application/json":
            return _told(page, raw, numbers)
        if do == "remove":
            done(_("The block is gone."), undo=f"{LIST}{page_id}/desfazer")
        return redirect(_next(page_id, do, what, place), code=303)

    @at("/<int:page_id>/desfazer", EDIT, methods=("POST",))
    def undo(self, page_id: int) -> Response:
        """Bring back what was removed last."""
        page = page_or_404(page_id)
        with writing():
            is_back = drafts.undo_draft(page, staff().email)
        done(_("It is back.") if is_back else _("There is nothing to bring back."))
        return redirect(f"{LIST}{page_id}/", code=303)

    @at("/<int:page_id>/previa", SEE)
    def preview(self, page_id: int) -> str:
        """The page as visitors will see it, in the whole window: the tab of phones."""
        page = page_or_404(page_id)
        state = building_of(page, staff().email)
        allow_framing()
        key = request.args.get("v", "")
        return str(
            self.render(
                "admin/pages_preview.html",
                page=page,
                state=state,
                variant=key,
                preview_path=_preview_path(page),
                variants=list(state.raw.get("variants") or {}),
            )
        )

    @at("/carros", SEE)
    def cars(self) -> str:
        """Cars to pick for `q`, as a part of the builder."""
        return render_template(
            "admin/pages_cars.html",
            offers=find_cars(clean_line(request.args.get("q", ""), 80)),
            name=clean_line(request.args.get("campo", ""), 60),
            is_one=request.args.get("um") == "1",
        )

    def _save(self, page: LandingPage, raw: Raw, do: str) -> Response | tuple[str, int]:
        """A version of it; with `publish` the live one at once."""
        page_id, by = page.id, staff().email
        note = clean_line(request.form.get("note", ""), 200)
        try:
            with changing(
                "page.save", f"page:{page_id}", label=page.name, store_id=page.store_id
            ) as change:
                revision = drafts.save(
                    page, raw, by, base_number=_base(), note=note, is_overriding=do == "override"
                )
                change.after = {"version": revision.number, "note": note}
        except NewerRevision as newer:
            return self._conflict(page, raw, newer), 409
        except BadContent:
            self._keep(page, raw)
            state = building_of(page_or_404(page_id), by)
            return self._drawn(state, is_refused=True), 422
        if do == "publish":
            return self._publish(page_id)
        done(_("Version %(n)s is saved. It is not live yet.", n=revision.number))
        return redirect(f"{LIST}{page_id}/", code=303)

    def _publish(self, page_id: int) -> Response | tuple[str, int]:
        page = page_or_404(page_id)
        try:
            publish_page(page)
        except NotPublishable:
            state = building_of(page_or_404(page_id), staff().email)
            return self._drawn(state, is_refused=True), 422
        done(_("Published: visitors see it now."))
        return redirect(f"{LIST}{page_id}/", code=303)

    def _ask_before_drop(self, page: LandingPage, raw: Raw) -> str:
        """The question before a draft is thrown away; until it is answered all of it is kept."""
        page_id, name = page.id, page.name
        self._keep(page, raw)
        newest = editing.revision_of(page_or_404(page_id)).number
        return self.ask_first(
            _("Throw your changes away?"),
            _("The page goes back to version %(n)s.", n=newest),
            yes=_("Throw away"),
            back=f"{LIST}{page_id}/",
            back_words=name,
            fields={"do": "drop"},
        )

    def _drop(self, page: LandingPage) -> Response:
        page_id = page.id
        with writing():
            drafts.drop_draft(page, staff().email)
        done(_("Your changes are gone; here is the newest version."))
        return redirect(f"{LIST}{page_id}/", code=303)

    def _keep(self, page: LandingPage, raw: Raw) -> None:
        with writing():
            drafts.keep_draft(page, staff().email, raw, _base())

    def _conflict(self, page: LandingPage, raw: Raw, newer: NewerRevision) -> str:
        """What somebody else saved meanwhile, beside what is about to be saved."""
        sentence, number = str(newer), newer.revision.number
        self._keep(page, raw)
        page = page_or_404(page.id)
        theirs = editing.revision_of(page, number)
        judged = judge(page, raw)
        mine = judged.content.as_json() if judged.content else raw
        return str(
            self.render(
                "admin/pages_conflict.html",
                page=page,
                sentence=sentence,
                theirs=theirs,
                raw_form=[pair for pair in request.form.items(multi=True)
                          if pair[0] not in {"do", "csrf_token", "base"}],
                differences=comparing.differences(theirs.content, mine),
                label_of=label_of,
                names=NAMES,
            )
        )  # fmt: skip

    def _drawn(self, state: Building, *, opened: int = 0, is_refused: bool = False) -> str:
        page = state.page
        allow_framing()
        return str(
            self.render(
                "admin/pages_build.html",
                page=page,
                state=state,
                judged=state.judged,
                opened=opened,
                is_refused=is_refused,
                fields_of=fields_of,
                models=MODELS,
                match_fields=fields_of(Match),
                variant_fields=fields_of(Variant),
                names=NAMES,
                about=ABOUT,
                labels=LABELS,
                excerpt=comparing.excerpt,
                place_words=place_words,
                filter_form=filter_form,
                sort_values=SORT_VALUES,
                goal=goal_label(Goal(page.goal)),
                suggestion=suggestion_for(Goal(page.goal)),
                preview_path=_preview_path(page),
                share_image=_share_image(state),
                is_open=page.is_open(now()),
                current_time=now(),
                sort_label=search.sort_label,
            )
        )


def publish_page(page: LandingPage, number: int | None = None, at_moment: Any = None) -> None:
    """Publish a version by who is signed in, with its audit entry. Raises NotPublishable."""
    live = editing.live_revision(page)
    before = live.number if live else None
    with changing(
        "page.publish", f"page:{page.id}", label=page.name, store_id=page.store_id
    ) as change:
        revision = editing.publish(page, number=number, at=at_moment)
        change.before = {"live version": before}
        change.after = {"live version": revision.number}


def label_of(field: str) -> str:
    """A dotted field as people call it."""
    words = []
    for part in field.split("."):
        words.append(part if part.isdigit() else str(LABELS.get(part, part)))
    return " · ".join(words)


def _base() -> int:
    return row_number(request.form.get("base", "0")) or 0


def _changed(raw: Raw, do: str, what: str, numbers: list[str], goal: Goal) -> tuple[Raw, int]:
    """`raw` after the button `do:what`, and the place of the block to open (-1: none). Buttons
    name blocks by the numbers they were drawn with."""
    if do == "add" and what in MODELS:
        return building.add_block(raw, what, goal)
    if do in {"more", "less"}:
        return _items_changed(raw, do, what, numbers)
    if do == "variant":
        return building.add_variant(raw)[0], -1
    if do == "unvariant":
        return building.remove_variant(raw, what), -1
    if do == "choose":
        return building.choose_variant(raw, what), 0
    if what not in numbers:
        return raw, -1
    place = numbers.index(what)
    if do in {"up", "down"}:
        to = place + (-1 if do == "up" else 1)
        return building.move_block(raw, place, to), max(0, min(to, len(numbers) - 1))
    if do == "copy":
        return building.copy_block(raw, place), place + 1
    if do == "remove":
        return building.remove_block(raw, place), -1
    if do == "use":
        blocks = [dict(block) for block in raw["blocks"]]
        if "action" in blocks[place]:
            blocks[place]["action"] = {"text": suggestion_for(goal), "goal": goal.value}
        return {**raw, "blocks": blocks}, place
    return raw, place


def _items_changed(raw: Raw, do: str, what: str, numbers: list[str]) -> tuple[Raw, int]:
    """One more item, or one less: "b2.items" or "anuncio", with the item's number after a slash."""
    name, _slash, number = what.partition("/")
    if name == "anuncio":
        return {**raw, "matches": _one_changed(raw.get("matches") or [], do, number)}, -1
    block, _dot, field = name.partition(".")
    drawn = block.removeprefix("b")
    if field != "items" or drawn not in numbers:
        return raw, -1
    place = numbers.index(drawn)
    blocks = [dict(each) for each in raw["blocks"]]
    blocks[place]["items"] = _one_changed(blocks[place].get("items") or [], do, number)
    return {**raw, "blocks": blocks}, place


def _one_changed(items: list[Any], do: str, number: str) -> list[Any]:
    if do == "more":
        return [*items, {}]
    return [item for place, item in enumerate(items) if str(place) != number]


def _next(page_id: int, do: str, what: str, place: int) -> str:
    """Where to go after a button: to the block it was about."""
    if do == "preview":
        return f"{LIST}{page_id}/previa"
    if do == "find":
        text = request.form.get(f"b{what}.busca", "")
        from_form = clean_line(text, 80)
        return f"{LIST}{page_id}/?{urlencode({'bloco': place, 'busca': from_form})}#bloco-{place}"
    if place < 0:
        anchor = {"variant": "teste", "unvariant": "teste"}.get(do, "")
        anchor = "casamento" if what.startswith("anuncio") else anchor or "blocos"
        return f"{LIST}{page_id}/#{anchor}"
    return f"{LIST}{page_id}/?bloco={place}#bloco-{place}"


def _told(page: LandingPage, raw: Raw, numbers: list[str]) -> Response:
    """What the script shows after a change: problems by block, advice, counts of filters."""
    judged = judge(page, raw)
    parts = {
        number: render_template(
            "admin/pages_problems.html",
            problems=judged.of(place + 1),
            number=number,
            place_words=place_words,
        )
        for place, number in enumerate(numbers)
    }
    whole = render_template(
        "admin/pages_problems.html", problems=judged.of(0), number="", place_words=place_words
    )
    counts = {
        number: filter_form(raw["blocks"][place]["filter"]).count
        for place, number in enumerate(numbers)
        if raw["blocks"][place].get("filter")
    }
    return jsonify(
        state=_("Kept as your draft. Not saved as a version yet."),
        blocks=parts,
        page=whole,
        advice=render_template("admin/pages_advice.html", advice=judged.advice),
        counts={number: _count_words(count) for number, count in counts.items()},
        is_drawable=judged.content is not None and judged.content.hero is not None,
        total=len(judged.problems),
    )


def _count_words(count: int) -> str:
    return str(ngettext("%(num)s car today", "%(num)s cars today", count))


def _preview_path(page: LandingPage) -> str:
    token = editing.draft_preview_token(page, staff().email)
    return f"/lp/{page.slug}?previa={token}"


def _share_image(state: Building) -> str:
    """The picture that goes along when somebody shares the page; empty: the site's own card."""
    content = state.judged.content
    if content is None or content.hero is None:
        return ""
    picture = show(state.page, content).picture
    if picture is None:
        return ""
    photo = picture.photo
    width = next((w for w in photo.widths if w >= 600), photo.widths[-1])
    return f"/media/{photo.stem}-{width}.jpg"
