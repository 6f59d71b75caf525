"""What the audit log's codes are called on the screen. A code that is missing here is shown as it
stands: an entry is never hidden for want of a word."""

from typing import Any, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.money import format_brl
from core.text import format_km, group_thousands
from dealership.roles import ROLE_NAMES, Role
from inventory.vocabulary import label

AREAS: Final[dict[str, LazyString]] = {
    "account": _l("Own account"),
    "staff": _l("People"),
    "roster": _l("Roster"),
    "queue": _l("Queue rules"),
    "stock": _l("Stock"),
    "page": _l("Landing pages"),
    "media": _l("Media library"),
    "banner": _l("Banners"),
    "blog": _l("Blog"),
    "article": _l("Blog"),
    "testimonial": _l("Testimonials"),
    "story": _l("Stories"),
    "site_page": _l("Pages of the site"),
    "menu": _l("Menu"),
    "redirect": _l("Redirects"),
    "store": _l("Stores"),
    "identity": _l("Identity"),
    "legal": _l("Legal texts"),
    "lead": _l("Leads"),
    "leads": _l("Leads"),
    "stop": _l("Stop list"),
    "person": _l("Person"),
    "goal": _l("Goals"),
    "commission": _l("Commissions"),
    "portal": _l("Portals"),
    "webhook": _l("Webhooks"),
    "api_token": _l("API keys"),
    "sticker": _l("Stickers"),
    "message_template": _l("Texts"),
    "keyword": _l("Keywords"),
    "keywords": _l("Keywords"),
    "import": _l("Imports"),
    "export": _l("Exports"),
    "job": _l("Background tasks"),
}
ACTIONS: Final[dict[str, LazyString]] = {
    "message_template.create": _l("wrote a text"),
    "message_template.change": _l("changed a text"),
    "message_template.archive": _l("archived a text"),
    "message_template.restore": _l("brought a text back"),
    "person.merge": _l("joined two people into one"),
    "person.unmerge": _l("undid a join of two people"),
    "person.are_different": _l("said that two people are different"),
    "person.ask_again": _l("put a possible duplicate back"),
    "goal.create": _l("set a goal"),
    "goal.change": _l("changed a goal"),
    "goal.remove": _l("removed a goal"),
    "commission.rule": _l("added a rule of commissions"),
    "commission.end_rule": _l("ended a rule of commissions"),
    "commission.close": _l("closed a month of commissions"),
    "commission.doubt": _l("doubted a line of a statement"),
    "commission.answer": _l("answered a doubt about a statement"),
    "stop.add": _l("stopped contact"),
    "stop.lift": _l("lifted a stop on contact"),
    "stop.undo": _l("undid a stop on contact"),
    "account.sign_in": _l("signed in"),
    "account.sign_in_passkey": _l("signed in with a passkey"),
    "account.sign_out": _l("signed out"),
    "account.sign_out_everywhere": _l("signed out everywhere"),
    "account.name": _l("changed the own name"),
    "account.password": _l("changed the own password"),
    "account.recovery_code": _l("used a recovery code"),
    "account.recovery_codes": _l("made new recovery codes"),
    "account.second_factor_on": _l("switched the second factor on"),
    "account.second_factor_off": _l("switched the second factor off"),
    "account.passkey_add": _l("made a passkey"),
    "account.passkey_remove": _l("removed a passkey"),
    "staff.create": _l("made an account"),
    "staff.rescue": _l("got a new password from the command line"),
    "staff.join": _l("took an invitation"),
    "staff.access": _l("changed role or stores"),
    "staff.deactivate": _l("took access away"),
    "staff.reactivate": _l("gave access back"),
    "staff.second_factor_off": _l("removed a second factor"),
    "staff.invite": _l("invited"),
    "staff.invite_again": _l("sent an invitation again"),
    "staff.withdraw_invitation": _l("withdrew an invitation"),
    "queue.rules": _l("changed the rules of the queue"),
    "roster.shifts": _l("changed the shifts"),
    "roster.absence_add": _l("put down an absence"),
    "roster.absence_remove": _l("took an absence off"),
    "roster.work": _l("changed work settings"),
    "roster.pause": _l("paused for leads"),
    "roster.resume": _l("became available for leads"),
    "api_token.revoke": _l("ended a key"),
    "lead.api_view": _l("read by a program with their key"),
}
# The verbs that every area shares: "banner.archive", "store.create".
VERBS: Final[dict[str, LazyString]] = {
    "create": _l("created"),
    "new": _l("created"),
    "change": _l("made changes"),
    "save": _l("saved"),
    "edit": _l("made changes"),
    "values": _l("changed price or mileage"),
    "price": _l("changed the price"),
    "state": _l("changed the state"),
    "publish": _l("went live"),
    "unpublish": _l("took off the site"),
    "take_down": _l("took off the site"),
    "put_back": _l("put back on the site"),
    "hide": _l("took off the site"),
    "archive": _l("put away"),
    "restore": _l("restored"),
    "delete": _l("deleted"),
    "remove": _l("removed"),
    "move": _l("moved"),
    "order": _l("changed the order"),
    "duplicate": _l("copied"),
    "describe": _l("described"),
    "upload": _l("sent in"),
    "replace": _l("replaced"),
    "undo": _l("undid a change"),
    "close": _l("shut"),
    "reopen": _l("opened again"),
    "dates": _l("changed the dates"),
    "choose_variant": _l("chose a variant"),
    "hours": _l("changed the opening hours"),
    "special_days": _l("changed holidays"),
    "departments": _l("changed departments"),
    "invite": _l("invited"),
    "uninvite": _l("withdrew an invitation"),
    "permit": _l("recorded a consent"),
    "revoke": _l("revoked a consent"),
    "clear": _l("marked as written by a person"),
    "claim": _l("claimed"),
    "note": _l("wrote a note"),
    "show": _l("opened"),
    "view": _l("opened"),
    "print": _l("printed"),
    "retire": _l("retired"),
    "pause": _l("paused"),
    "go_on": _l("went on"),
    "poll": _l("fetched"),
    "rotate": _l("changed the key"),
    "retry_refused": _l("tried refused ones again"),
    "filter": _l("kept a filter"),
    "photo": _l("added a photo"),
    "photo_cover": _l("chose the cover"),
    "photo_delete": _l("took a photo away"),
    "photo_order": _l("ordered the photos"),
    "photo_restore": _l("restored a photo"),
    "photo_words": _l("described a photo"),
    "bulk": _l("changed several cars"),
    "bulk.preview": _l("prepared a change of several cars"),
    "bulk.again": _l("went on with a change of several cars"),
    "bulk.undo": _l("undid a change of several cars"),
    "import": _l("imported a file"),
    "import_sent": _l("sent in a file to import"),
    "import_trial": _l("tried an import out"),
    "import_again": _l("went on with an import"),
    "import_undo": _l("undid an import"),
    "import_done": _l("brought a file in"),
    "export": _l("exported"),
    "export_sent": _l("asked for an export"),
    "download": _l("downloaded"),
    "send": _l("sent"),
    "send_test": _l("sent a test lead"),
    "send_again": _l("sent again"),
    "test": _l("sent a test"),
    "delete_test": _l("deleted a test lead"),
    "schedule": _l("scheduled"),
    "settings": _l("changed settings"),
    "text": _l("changed a text"),
    "logo": _l("changed the logo"),
    "colors": _l("changed the colours"),
    "add": _l("added"),
    "reset": _l("put back as it came"),
    "retry": _l("tried again"),
    "discard": _l("let be"),
    "cancel": _l("called off"),
    "take_back": _l("took the earlier one back"),
    "page": _l("mapped to a page"),
    "export_asked": _l("asked for an export"),
    "export_fetched": _l("downloaded an export"),
}
FIELDS: Final[dict[str, LazyString]] = {
    "role": _l("Role"),
    "stores": _l("Stores"),
    "store": _l("Store"),
    "name": _l("Name"),
    "title": _l("Title"),
    "state": _l("State"),
    "browsers": _l("Browsers"),
    "codes_left": _l("Codes left"),
    "price_cents": _l("Price"),
    "promo_price_cents": _l("Promotional price"),
    "promotional_price_cents": _l("Promotional price"),
    "mileage_km": _l("Mileage"),
    "alt": _l("Description of the picture"),
    "slot": _l("View"),
    "photo": _l("Photo"),
    "position": _l("Position"),
    "slug": _l("Address"),
    "note": _l("Note"),
    "version": _l("Version"),
    "live version": _l("Version on the site"),
    "variant": _l("Variant"),
    "of": _l("Copy of"),
    "number": _l("Number"),
    "email": _l("E-mail"),
    "phone": _l("Phone"),
    "license_plate": _l("Plate"),
    "renavam": _l("RENAVAM"),
    "vin": _l("Chassis"),
    "starts_at": _l("Start"),
    "ends_at": _l("End"),
    "is_highlighted": _l("Highlighted"),
    "highlighted": _l("Highlighted"),
}
# What a field's stored codes mean, by the vocabulary's kinds.
_KINDS: Final = {
    "fuel": "fuel",
    "transmission": "transmission",
    "body": "body",
    "color": "color",
    "condition": "condition",
}
STATES: Final[dict[str, LazyString]] = {
    "draft": _l("draft"),
    "published": _l("published"),
    "reserved": _l("reserved"),
    "sold": _l("sold"),
    "withdrawn": _l("withdrawn"),
    "archived": _l("archived"),
    "live": _l("published"),
}


def action_words(action: str) -> str:
    """ "Stock: price" for "stock.price"."""
    area, _dot, verb = action.partition(".")
    words = str(ACTIONS.get(action) or VERBS.get(verb) or verb.replace("_", " "))
    return f"{AREAS[area]}: {words}" if area in AREAS else words


def field_words(name: str) -> str:
    """How people call the field `name`."""
    return str(FIELDS.get(name) or name.removesuffix("_cents").replace("_", " "))


def value_words(name: str, value: Any) -> str:
    """How people read `value` of the field `name`."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int):
        return _number_words(name, value)
    if name == "role" and value in set(Role):
        return str(ROLE_NAMES[Role(value)])
    if name == "state" and value in STATES:
        return str(STATES[value])
    if name in _KINDS:
        return str(label(_KINDS[name], str(value)))
    return str(value)


def _number_words(name: str, value: int) -> str:
    if name.endswith("_cents"):
        return format_brl(value)
    if name.endswith("_km"):
        return format_km(value)
    return str(value) if name.endswith(("year", "id")) else group_thousands(value)
