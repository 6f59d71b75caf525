"""The menu's headings: the jobs people do, not the tables there are."""

from typing import Final

from flask_babel import lazy_gettext as _l

STOCK: Final = _l("Stock")
PAGES: Final = _l("Pages")
LEADS: Final = _l("Leads")
PORTALS: Final = _l("Portals")
CONTENT: Final = _l("Content")
REPORTS: Final = _l("Reports")
SETTINGS: Final = _l("Settings")
TEAM: Final = _l("Team")
