"""`/blog`: articles and stories; `/p/<slug>`: pages of the site; previews by signed link."""

from typing import Any, Final

from flask import abort, make_response, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from content import documents, published
from content.calls_to_action import Goal
from content.documents import ARTICLE, PAGE, STORY, path_of
from content.markdown import plain, rendered
from content.media import shown
from content.models import Document
from core.clock import now
from dealership.identity import identity
from inventory import search
from showroom import seo

PATH: Final = "/blog"
# Where a story's button leads; the car of the story goes along where a form takes one.
GOAL_PATHS: Final = {
    Goal.PROPOSAL: "/contato",
    Goal.TEST_DRIVE: "/test-drive",
    Goal.TRADE_IN: "/avaliacao",
    Goal.FINANCING: "/financiamento",
    Goal.CALL_BACK: "/ligamos-para-voce",
    Goal.WHATSAPP: "/w/geral",
}
RELATED: Final = 3


def blog_page() -> str | Response:
    """`/blog`: articles and stories, the newest first."""
    return _listing(PATH, _("Blog"), "")


def tag_page(tag: str) -> str | Response:
    """`/blog/tag/<tag>`: those filed under one subject."""
    name = next((name for slug, name, _count in published.live_tags() if slug == tag), "")
    if not name:
        abort(404)
    return _listing(f"{PATH}/tag/{tag}", name, tag)


def _listing(path: str, heading: str, tag: str) -> str | Response:
    dealer = identity()
    asked = request.args.get("pagina", "1")
    if request.args.get("pagina") == "1":
        return redirect(path, code=301)
    number = max(1, min(int(asked), 10_000) if asked.isascii() and asked.isdigit() else 1)
    rows, total = published.live_list([ARTICLE, STORY], tag=tag, page=number)
    pages = max(1, -(-total // published.PAGE_SIZE))
    if number > pages:
        abort(404)
    crumbs = [(_("Home"), "/"), (_("Blog"), PATH), *([(heading, path)] if tag else [])]
    return render_template(
        "showroom/blog.html",
        page=seo.house_page(
            dealer,
            _numbered(heading, number),
            (f"{heading}. " if tag else "")
            + (_("Page %(n)s.", n=number) + " " if number > 1 else "")
            + _(
                "What helps in choosing, paying, trading in and keeping a car, written by the "
                "people of %(name)s.",
                name=dealer.name,
            ),
            f"{path}?pagina={number}" if number > 1 else path,
            crumbs,
            is_indexable=bool(total),
            kind="CollectionPage",
        ),
        crumbs=crumbs,
        heading=heading,
        rows=[_card(document, content) for document, content in rows],
        tags=published.live_tags(),
        tag=tag,
        number=number,
        pages=pages,
        address=lambda page: f"{path}?pagina={page}" if page > 1 else path,
    )


def _numbered(heading: str, number: int) -> list[str]:
    """The words of a list's title: what it is about, or which of its pages this is."""
    if number > 1:
        return [heading, _("(page %(n)s)", n=number)]
    return [heading, _("on buying, selling and keeping cars")]


def _card(document: Document, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "path": path_of(document),
        "title": content["title"],
        "excerpt": content.get("excerpt", ""),
        "day": document.first_published_at,
        "picture": shown(content["cover"]) if content.get("cover") else None,
        "is_story": document.kind == STORY,
    }


def article_page(slug: str) -> str:
    """`/blog/<slug>`"""
    return _article(*_live(ARTICLE, slug))


def story_page(slug: str) -> str:
    """`/blog/historia/<slug>`"""
    return _story(*_live(STORY, slug))


def site_page(slug: str) -> str:
    """`/p/<slug>`"""
    return _page(*_live(PAGE, slug))


def preview_page(token: str) -> Response:
    """`/previa/<token>`: a revision that nobody else sees, to whoever holds the link."""
    found = documents.read_preview(token) if len(token) < 200 else None
    if found is None:
        abort(404)
    document, revision = found
    draw = {ARTICLE: _article, STORY: _story, PAGE: _page}[document.kind]
    response = make_response(draw(document, revision.content, is_preview=True))
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _live(kind: str, slug: str) -> tuple[Document, dict[str, Any]]:
    found = published.find_live(kind, slug)
    if found is None:
        abort(404)
    return found


def _article(document: Document, content: dict[str, Any], *, is_preview: bool = False) -> str:
    crumbs = [(_("Home"), "/"), (_("Blog"), PATH), (content["title"], path_of(document))]
    others, _total = published.live_list([ARTICLE, STORY], size=RELATED + 1)
    return render_template(
        "showroom/article.html",
        page=_head(document, content, crumbs, is_preview=is_preview),
        crumbs=crumbs,
        document=document,
        content=content,
        picture=shown(content["cover"]) if content.get("cover") else None,
        html=rendered(content["markdown"], content.get("pictures")),
        tags=document.tags,
        others=[_card(*row) for row in others if row[0].id != document.id][:RELATED],
        is_preview=is_preview,
    )


def _story(document: Document, content: dict[str, Any], *, is_preview: bool = False) -> str:
    crumbs = [(_("Home"), "/"), (_("Blog"), PATH), (content["title"], path_of(document))]
    ids = search.ids_of(content.get("cars", []))
    goal = Goal(content["goal"])
    offers = search.find_offers(ids)
    path = GOAL_PATHS[goal]
    if goal is Goal.TEST_DRIVE and offers:
        path = f"{path}?oferta={offers[0].public_id}"
    if goal is Goal.PROPOSAL and offers:
        path = offers[0].path
    sizes = content.get("pictures")
    return render_template(
        "showroom/story.html",
        page=_head(document, content, crumbs, is_preview=is_preview),
        crumbs=crumbs,
        document=document,
        content=content,
        picture=shown(content["cover"]) if content.get("cover") else None,
        parts=[
            (heading, rendered(content[name], sizes))
            for name, heading in (
                ("before", _("Before")),
                ("turn", _("What changed")),
                ("after", _("Now")),
            )
            if content.get(name)
        ],
        offers=offers,
        action_path=path,
        is_preview=is_preview,
    )


def _page(document: Document, content: dict[str, Any], *, is_preview: bool = False) -> str:
    crumbs = [(_("Home"), "/"), (content["title"], path_of(document))]
    return render_template(
        "showroom/site_page.html",
        page=_head(document, content, crumbs, is_preview=is_preview),
        crumbs=crumbs,
        document=document,
        content=content,
        html=rendered(content["markdown"], content.get("pictures")),
        is_preview=is_preview,
    )


def _head(
    document: Document, content: dict[str, Any], crumbs: seo.Crumbs, *, is_preview: bool
) -> seo.Page:
    dealer = identity()
    cover = shown(content["cover"]) if content.get("cover") else None
    image = seo.photo_address(cover) if cover else seo.absolute("/static/card.jpg")
    path = path_of(document)
    nodes: list[dict[str, Any]] = [
        seo.page_node(path, content["title"]),
        seo.website_node(dealer),
        seo.breadcrumb_node(crumbs, path),
    ]
    if document.kind != PAGE:
        nodes += [_posting_node(document, content, image), seo.organization_node(dealer)]
    return seo.Page(
        title=content.get("seo_title") or seo.fit([content["title"]], f" | {dealer.name}"),
        description=content.get("seo_description")
        or seo.shorten(
            content.get("excerpt") or plain(content.get("markdown", "")) or content["title"]
        ),
        path=path,
        is_indexable=not is_preview,
        image=image,
        image_alt=cover.alt if cover else dealer.name,
        nodes=() if is_preview else tuple(nodes),
    )


def _posting_node(document: Document, content: dict[str, Any], image: str) -> dict[str, Any]:
    """BlogPosting: dates with their zone, author by name; the house publishes it."""
    path = path_of(document)
    published = document.first_published_at or now()
    return {
        "@type": "BlogPosting",
        "@id": f"{seo.absolute(path)}#artigo",
        "headline": content["title"],
        "description": content.get("excerpt", ""),
        "url": seo.absolute(path),
        "image": [image],
        "datePublished": published.isoformat(timespec="seconds"),
        "dateModified": max(published, document.updated_at).isoformat(timespec="seconds"),
        "author": {"@type": "Person", "name": document.author}
        if document.author
        else {"@id": seo.absolute("/#grupo")},
        "publisher": {"@id": seo.absolute("/#grupo")},
        "mainEntityOfPage": {"@id": f"{seo.absolute(path)}#pagina"},
        "inLanguage": "pt-BR",
    }
