"""What each role may do. The one table that views, actions, fields, exports and commands ask.

Five roles, fixed by the trade; a permission is a thing a person does, not a screen. A staff member
tied to stores has the same permissions for those stores only.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from flask_babel import lazy_gettext as _l


class Role(StrEnum):
    """Who somebody is in the dealership. The values are those of `staff create --role`."""

    OWNER = "owner"
    SUPERVISOR = "supervisor"
    ATTENDANT = "attendant"
    SELLER = "seller"
    EDITOR = "editor"


class Permission(StrEnum):
    """One thing that staff may do."""

    SEE_HOME = "see_home"
    SEE_STOCK = "see_stock"
    EDIT_STOCK = "edit_stock"  # facts, photos, texts, archive
    PRICE_STOCK = "price_stock"
    PUBLISH_STOCK = "publish_stock"  # on the site, reserved, sold
    BULK_STOCK = "bulk_stock"  # many cars at once, and undoing it
    SEE_COSTS = "see_costs"  # what the store paid for a car
    SEE_DOCUMENTS = "see_documents"  # whole plate, RENAVAM, chassis
    IMPORT_STOCK = "import_stock"
    EXPORT_STOCK = "export_stock"
    SEE_PAGES = "see_pages"
    EDIT_PAGES = "edit_pages"
    PUBLISH_PAGES = "publish_pages"
    EDIT_CONTENT = "edit_content"  # banners, blog, testimonials, stories, media, menu
    EDIT_STORES = "edit_stores"  # addresses, phones, opening hours
    EDIT_IDENTITY = "edit_identity"  # name, logo, colours, financing terms
    EDIT_LEGAL = "edit_legal"  # consent and privacy texts
    SEE_LEADS = "see_leads"
    WORK_LEADS = "work_leads"
    EXPORT_LEADS = "export_leads"
    LIFT_STOPS = "lift_stops"  # contact somebody again who asked for none
    ANSWER_PRIVACY = "answer_privacy"  # hand out and erase a person's data (LGPD)
    SUPERVISE_LEADS = "supervise_leads"  # alerts; people with leads in several stores
    SEE_PORTALS = "see_portals"
    EDIT_PORTALS = "edit_portals"
    SEE_REPORTS = "see_reports"
    MANAGE_STAFF = "manage_staff"
    SEE_AUDIT = "see_audit"


ROLE_NAMES: Final[Mapping[Role, str]] = {
    Role.OWNER: _l("Owner"),
    Role.SUPERVISOR: _l("Supervisor"),
    Role.ATTENDANT: _l("Attendant"),
    Role.SELLER: _l("Seller"),
    Role.EDITOR: _l("Editor"),
}

PERMISSION_NAMES: Final[Mapping[Permission, str]] = {
    Permission.SEE_HOME: _l("Sign in, see the first page and the own account"),
    Permission.SEE_STOCK: _l("See the stock"),
    Permission.EDIT_STOCK: _l("Edit cars: facts, photos, texts, archive"),
    Permission.PRICE_STOCK: _l("Change prices"),
    Permission.PUBLISH_STOCK: _l("Publish, reserve, mark as sold"),
    Permission.BULK_STOCK: _l("Change many cars at once"),
    Permission.SEE_COSTS: _l("See what a car cost the store"),
    Permission.SEE_DOCUMENTS: _l("See the whole plate, RENAVAM and chassis"),
    Permission.IMPORT_STOCK: _l("Import the stock"),
    Permission.EXPORT_STOCK: _l("Export the stock"),
    Permission.SEE_PAGES: _l("See landing pages"),
    Permission.EDIT_PAGES: _l("Edit landing pages"),
    Permission.PUBLISH_PAGES: _l("Publish landing pages"),
    Permission.EDIT_CONTENT: _l("Banners, blog, testimonials, stories, media, menu"),
    Permission.EDIT_STORES: _l("Stores: addresses, phones, opening hours"),
    Permission.EDIT_IDENTITY: _l("Name, logo, colours, financing terms"),
    Permission.EDIT_LEGAL: _l("Consent and privacy texts"),
    Permission.SEE_LEADS: _l("See leads"),
    Permission.WORK_LEADS: _l("Work leads"),
    Permission.EXPORT_LEADS: _l("Export leads"),
    Permission.LIFT_STOPS: _l("Lift a stop on contact"),
    Permission.ANSWER_PRIVACY: _l("Answer privacy requests: hand out and erase a person's data"),
    Permission.SUPERVISE_LEADS: _l("Supervise leads: alerts, customers of several stores"),
    Permission.SEE_PORTALS: _l("See portals"),
    Permission.EDIT_PORTALS: _l("Set up portals"),
    Permission.SEE_REPORTS: _l("See reports"),
    Permission.MANAGE_STAFF: _l("People: invite, change, take access away"),
    Permission.SEE_AUDIT: _l("See and export the audit log"),
}

_P = Permission
_EVERYBODY: Final = {_P.SEE_HOME, _P.SEE_STOCK}
_SALES: Final = {_P.SEE_LEADS, _P.WORK_LEADS, _P.SEE_DOCUMENTS}
_YARD: Final = {_P.EDIT_STOCK, _P.PRICE_STOCK, _P.PUBLISH_STOCK}
_WORDS: Final = {_P.SEE_PAGES, _P.EDIT_PAGES, _P.PUBLISH_PAGES, _P.EDIT_CONTENT}

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.OWNER: frozenset(Permission),
    Role.SUPERVISOR: frozenset(Permission) - {_P.EDIT_LEGAL},
    Role.ATTENDANT: frozenset(_EVERYBODY | _SALES),
    Role.SELLER: frozenset(_EVERYBODY | _SALES | _YARD),
    # The whole plate is nobody's business who writes texts, nor are the people who wrote to us.
    Role.EDITOR: frozenset(_EVERYBODY | _WORDS | {_P.EDIT_STOCK, _P.EXPORT_STOCK, _P.SEE_REPORTS}),
}


def allows(role: Role, permission: Permission) -> bool:
    """Whether `role` may do it at all; for which stores, the staff member says."""
    return permission in PERMISSIONS[role]
