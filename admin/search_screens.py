"""Screens and actions by the words that people use for them, not only by what the menu says.

`words` are what somebody may type, parted by commas; translators add the words of their trade.
"""

from dataclasses import dataclass
from typing import Any, Final

from flask_babel import lazy_gettext as _l

from dealership.roles import Permission

_P = Permission


@dataclass(frozen=True)
class Screen:
    """One screen or action: `words` are its other names."""

    name: Any
    path: str
    permission: Permission
    icon: str
    words: Any


SCREENS: Final = (
    Screen(_l("Today"), "/admin/", _P.SEE_HOME, "today",
           _l("start, home, to do, tasks, appointments, visits")),
    Screen(_l("Stock"), "/admin/estoque/", _P.SEE_STOCK, "car",
           _l("cars, vehicles, list, price, mileage, reserve, sold, highlight")),
    Screen(_l("New car"), "/admin/veiculo/novo/", _P.EDIT_STOCK, "plus",
           _l("add a car, register, plate, fipe, vehicle")),
    Screen(_l("Change prices of many cars"), "/admin/estoque/lotes/", _P.BULK_STOCK, "tag",
           _l("price, raise, lower, promotion, discount, bulk, undo")),
    Screen(_l("Age of the stock"), "/admin/estoque/idade/", _P.SEE_REPORTS, "clock",
           _l("old cars, days, standing, turnover")),
    Screen(_l("Photos"), "/admin/fotos/", _P.EDIT_STOCK, "camera",
           _l("pictures, camera, cover, without photo")),
    Screen(_l("Import"), "/admin/importar/", _P.IMPORT_STOCK, "import",
           _l("spreadsheet, csv, xlsx, xml, file, upload")),
    Screen(_l("Export"), "/admin/exportar/", _P.EXPORT_STOCK, "export",
           _l("spreadsheet, csv, excel, download, backup")),
    Screen(_l("Stickers"), "/admin/etiquetas/", _P.SEE_STOCK, "qr",
           _l("labels, qr code, windscreen, print")),
    Screen(_l("Landing pages"), "/admin/paginas/", _P.SEE_PAGES, "flag",
           _l("campaign, advertisement, google ads, a/b test, publish")),
    Screen(_l("New landing page"), "/admin/paginas/nova", _P.EDIT_PAGES, "flag",
           _l("campaign, create a page, promotion")),
    Screen(_l("Keywords"), "/admin/palavras/", _P.SEE_PAGES, "key",
           _l("search terms, seo, cannibalisation")),
    Screen(_l("Leads"), "/admin/leads/", _P.SEE_LEADS, "people",
           _l("people, customers, contacts, messages, phone, whatsapp")),
    Screen(_l("Leads that nobody has opened"), "/admin/leads/?novos=1", _P.SEE_LEADS, "people",
           _l("new leads, unread")),
    Screen(_l("People who wait for a call"), "/admin/leads/?ligar=1", _P.SEE_LEADS, "clock",
           _l("call back, telephone, return")),
    Screen(_l("Suspicious leads"), "/admin/leads/?suspeitos=1", _P.SEE_LEADS, "shield",
           _l("robot, spam, fake, junk")),
    Screen(_l("Portals and channels"), "/admin/portais/", _P.SEE_PORTALS, "plug",
           _l("ads, olx, mercado livre, webmotors, whatsapp, integration, webhook, feed")),
    Screen(_l("Untrue ads"), "/admin/portais/verdade/", _P.SEE_PORTALS, "eye",
           _l("lie, wrong price, sold but visible, check the ads, false, truth")),
    Screen(_l("Names on portals"), "/admin/portais/termos/", _P.SEE_PORTALS, "link",
           _l("makes, models, versions, lists of portals, mapping")),
    Screen(_l("Banners"), "/admin/banners/", _P.EDIT_CONTENT, "flag",
           _l("home page, campaign, picture, promotion")),
    Screen(_l("Blog"), "/admin/blog/", _P.EDIT_CONTENT, "pen", _l("articles, posts, news, text")),
    Screen(_l("Testimonials"), "/admin/depoimentos/", _P.EDIT_CONTENT, "quote",
           _l("reviews, customers say, image consent")),
    Screen(_l("Stories"), "/admin/historias/", _P.EDIT_CONTENT, "star",
           _l("tales of customers, deliveries")),
    Screen(_l("Pages of the site"), "/admin/paginas-do-site/", _P.EDIT_CONTENT, "page",
           _l("about us, institutional, text")),
    Screen(_l("Search engines"), "/admin/buscadores/", _P.EDIT_CONTENT, "eye",
           _l("google, seo, title, description, sitemap, text of a list")),
    Screen(_l("Menu"), "/admin/menu/", _P.EDIT_CONTENT, "menu", _l("navigation, links, header")),
    Screen(_l("Old addresses"), "/admin/redirecionamentos/", _P.EDIT_CONTENT, "link",
           _l("redirects, moved, 301, broken links")),
    Screen(_l("Pictures"), "/admin/midia/", _P.EDIT_CONTENT, "picture",
           _l("media, library, images, logo file")),
    Screen(_l("Reports"), "/admin/relatorios/", _P.SEE_REPORTS, "chart",
           _l("numbers, charts, statistics, results")),
    Screen(_l("Report: response time"), "/admin/relatorios/resposta", _P.SEE_REPORTS, "chart",
           _l("answer, how fast, minutes, sla")),
    Screen(_l("Report: funnel"), "/admin/relatorios/funil", _P.SEE_REPORTS, "chart",
           _l("conversion, sales, visits")),
    Screen(_l("Report: landing pages"), "/admin/relatorios/paginas", _P.SEE_REPORTS, "chart",
           _l("conversion, campaign results")),
    Screen(_l("Report: portals"), "/admin/relatorios/portais", _P.SEE_REPORTS, "chart",
           _l("olx, webmotors, leads by portal")),
    Screen(_l("Report: stock"), "/admin/relatorios/estoque", _P.SEE_REPORTS, "chart",
           _l("cars by age, days")),
    Screen(_l("Stores"), "/admin/lojas/", _P.EDIT_STORES, "store",
           _l("address, opening hours, holidays, phone, whatsapp, map")),
    Screen(_l("Identity"), "/admin/identidade/", _P.EDIT_IDENTITY, "palette",
           _l("logo, colours, name, fonts, tone, financing terms, interest")),
    Screen(_l("Legal texts"), "/admin/textos-legais/", _P.EDIT_LEGAL, "scales",
           _l("privacy, lgpd, consent, policy, cookies")),
    Screen(_l("Privacy"), "/admin/privacidade/", _P.ANSWER_PRIVACY, "scales",
           _l("lgpd, erase, delete, data of a person, requests, download, forget")),
    Screen(_l("People"), "/admin/equipe/", _P.MANAGE_STAFF, "people",
           _l("team, staff, users, access, roles, permissions")),
    Screen(_l("Invite a colleague"), "/admin/equipe/convidar", _P.MANAGE_STAFF, "plus",
           _l("new user, new seller, access, hire")),
    Screen(_l("Roster"), "/admin/escala/", _P.WORK_LEADS, "today",
           _l("shifts, lunch, vacation, absence, day off, who works, pause, stand-in")),
    Screen(_l("Audit"), "/admin/auditoria/", _P.SEE_AUDIT, "history",
           _l("who changed, log, history, changes")),
    Screen(_l("Your account"), "/admin/conta/", _P.SEE_HOME, "shield",
           _l("password, name, sessions, second factor, sign out everywhere, security")),
)  # fmt: skip
