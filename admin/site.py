"""Builds the staff door: every screen, in the menu under the job it belongs to."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from flask import Flask, Response, request
from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme
from flask_babel import lazy_gettext as _l
from flask_security import current_user
from flask_wtf.csrf import CSRFError

from admin import (
    account,
    agenda,
    api_keys,
    audit_log,
    banners,
    blog,
    capacity,
    commissions,
    duplicates,
    exports,
    forgery,
    goals,
    held_cars,
    home,
    identity,
    imports,
    keywords,
    leads,
    legal,
    media,
    message_templates,
    notices,
    own_link,
    pages,
    photos,
    portal_ads,
    portal_connect,
    portal_rules,
    portal_terms,
    portal_truth,
    portals,
    privacy,
    quality,
    queue_rules,
    reception,
    replay,
    reports,
    roster,
    roster_person,
    search,
    search_listings,
    seo,
    shopper,
    site_pages,
    special_rules,
    stickers,
    stock,
    stop_list,
    store_hours,
    stores,
    stories,
    team,
    testimonials,
    vehicle,
    webhooks,
)
from admin.accounts import DOOR, init_accounts, is_staff_address
from admin.cli import push_commands, staff_commands
from admin.desk import board as desk_board
from admin.desk import desk
from admin.desk import lead as desk_lead
from admin.desk import live as desk_live
from admin.desk import mail as desk_mail
from admin.door import StaffView, may
from admin.outreach import after_sale
from admin.outreach import entry as outreach_entry
from admin.outreach import imports as contact_imports
from admin.outreach import lists as outreach_lists
from content.media import choices as media_choices
from core.config import Config, current
from dealership import sessions
from dealership.looks import house_tone
from dealership.roles import ROLE_NAMES, Permission, Role

# Who builds a screen adds it to its module's views(); the order here is that of the menu.
SCREENS: Final = (
    stock,
    vehicle,
    photos,
    imports,
    exports,
    pages,
    stickers,
    keywords,
    desk,
    desk_lead,
    desk_mail,
    agenda,
    reception,
    held_cars,
    desk_board,
    leads,
    desk_live,
    own_link,
    queue_rules,
    special_rules,
    outreach_lists,
    outreach_entry,
    contact_imports,
    after_sale,
    duplicates,
    stop_list,
    privacy,
    message_templates,
    goals,
    commissions,
    quality,
    portals,
    portal_truth,
    portal_ads,
    portal_rules,
    portal_connect,
    portal_terms,
    shopper,
    webhooks,
    api_keys,
    banners,
    blog,
    testimonials,
    stories,
    site_pages,
    search_listings,
    media,
    reports,
    replay,
    capacity,
    stores,
    store_hours,
    identity,
    legal,
    team,
    roster,
    roster_person,
    audit_log,
    search,
    account,
    notices,
)


@dataclass(frozen=True)
class MenuItem:
    """One line of the menu, for who is signed in."""

    name: str
    address: str
    icon: str
    is_here: bool


def init_admin(app: Flask, config: Config) -> None:
    """Give `app` the staff door."""
    init_accounts(app, config)
    admin = Admin(
        name="Vitrine",
        url=DOOR,
        index_view=home.Home(name=_l("Today"), url=DOOR, endpoint="admin"),
        theme=Bootstrap4Theme(base_template="admin/base.html"),
    )
    for screen in SCREENS:
        for view in screen.views():
            admin.add_view(view)
    admin.init_app(app)
    app.register_blueprint(notices.installed)
    app.cli.add_command(staff_commands)
    app.cli.add_command(push_commands)
    app.register_error_handler(CSRFError, forgery.refuse)
    app.after_request(_mark_our_own)
    app.context_processor(lambda: _on_staff_pages(admin))
    app.jinja_env.globals["seo_found_as"] = seo.found_as


def _mark_our_own(response: Response) -> Response:
    """Staff who look at the cars on the site are no visits: their browser says so there for a
    working day."""
    if request.endpoint == "admin.index" and current_user.is_authenticated:
        response.set_cookie(
            sessions.HOUSE_COOKIE,
            "1",
            max_age=sessions.IDLE,
            path="/oferta",
            secure=current().base_url.startswith("https:"),
            httponly=True,
            samesite="Lax",
        )
    return response


def _on_staff_pages(admin: Admin) -> dict[str, Any]:
    """What templates behind the door know without being told."""
    if not is_staff_address(request.path):
        return {}
    shared: dict[str, Any] = {"may": may, "Permission": Permission, "role_names": ROLE_NAMES}
    if current_user.is_authenticated:
        shared |= {"me": current_user, "my_role": Role(current_user.role), "menu": menu_of(admin)}
        shared["media_choices"] = media_choices
        shared["house_tone"] = house_tone
    return shared


def menu_of(admin: Admin) -> list[tuple[str, list[MenuItem]]]:
    """The menu for who is signed in: headings with their screens, those it may open."""
    shown = [view for view in admin._views if isinstance(view, StaffView) and view.in_menu]
    visible = [view for view in shown if view.is_visible()]
    items = [(str(view.category or ""), _item(view)) for view in visible]
    order = list(dict.fromkeys(group for group, _one in items))
    items.sort(key=lambda pair: order.index(pair[0]))
    return [(group, [one for _g, one in rows]) for group, rows in groupby(items, lambda p: p[0])]


def _item(view: StaffView) -> MenuItem:
    address = view.menu_path or f"{view.url.rstrip('/')}/"
    is_home = address == f"{DOOR}/"
    is_here = request.path == address if is_home else request.path.startswith(address)
    return MenuItem(str(view.name), address, view.icon, is_here)
