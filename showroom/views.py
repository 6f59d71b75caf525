"""Every address of the buyer's door on one screen, and whose pages are the same for everybody
(`shared`)."""

from flask import Blueprint

from core.shared_pages import shared
from showroom import (
    appointments,
    arrival,
    blog,
    bookings,
    components,
    contact,
    crawlers,
    newsletter,
    outbox,
    privacy,
    subscriptions,
    testimonials,
    visitor,
    waiting_line,
)
from showroom.addresses import is_canonical, is_numbered
from showroom.contact_links import phone_jump, whatsapp_jump
from showroom.home import home_page
from showroom.offer_page import offer_page, send_interest
from showroom.share_card import share_card
from showroom.simulator import financing_page, send_simulation
from showroom.site_map import site_map_page
from showroom.stock_list import make_page, model_page, narrow_page, stock_page
from showroom.stores import store_page, stores_page
from showroom.thanks import send_details, thanks_page
from showroom.trade_in import send_trade_in, trade_in_page

showroom = Blueprint("showroom", __name__)

showroom.add_url_rule("/", view_func=shared(home_page))
showroom.add_url_rule("/estoque", view_func=shared(stock_page, is_canonical))
showroom.add_url_rule("/estoque/<make>", view_func=shared(make_page, is_canonical))
showroom.add_url_rule("/estoque/<make>/<model>", view_func=shared(model_page, is_canonical))
showroom.add_url_rule(
    "/estoque/<make>/<model>/<narrow>", view_func=shared(narrow_page, is_canonical)
)
showroom.add_url_rule("/oferta/<name>", view_func=shared(offer_page))
showroom.add_url_rule("/oferta/<name>", view_func=send_interest, methods=["POST"])
showroom.add_url_rule("/cartao/<name>", view_func=share_card)
showroom.add_url_rule("/financiamento", view_func=shared(financing_page))
showroom.add_url_rule("/financiamento", view_func=send_simulation, methods=["POST"])
showroom.add_url_rule("/lojas", view_func=shared(stores_page))
showroom.add_url_rule("/lojas/<slug>", view_func=shared(store_page))
for _path, _page, _send in (
    ("/contato", shared(contact.contact_page), contact.send_contact),
    ("/ligamos-para-voce", shared(contact.call_back_page), contact.send_call_back),
    ("/avaliacao", shared(trade_in_page), send_trade_in),
    ("/test-drive", shared(bookings.test_drive_page), bookings.send_test_drive),
    ("/pos-venda", shared(bookings.service_page), bookings.send_service),
    ("/novidades", shared(newsletter.newsletter_page), newsletter.send_newsletter),
    ("/obrigado/<submission_id>", thanks_page, send_details),
):
    showroom.add_url_rule(_path, view_func=_page)
    showroom.add_url_rule(_path, view_func=_send, methods=["POST"])
showroom.add_url_rule("/w/<where>", view_func=whatsapp_jump)
showroom.add_url_rule("/ligar/<where>", view_func=phone_jump)
showroom.add_url_rule("/agenda/<token>", view_func=appointments.appointment_page)
showroom.add_url_rule(
    "/agenda/<token>", view_func=appointments.change_appointment, methods=["POST"]
)
showroom.add_url_rule("/agenda/<token>.ics", view_func=appointments.calendar_page)
showroom.add_url_rule("/chegada/<code>", view_func=arrival.arrival_page)
showroom.add_url_rule("/chegada/<code>", view_func=arrival.say_arrived, methods=["POST"])
showroom.add_url_rule("/fila/<token>", view_func=waiting_line.place_page)
showroom.add_url_rule("/fila/<token>", view_func=waiting_line.change_place, methods=["POST"])
showroom.add_url_rule("/privacidade", view_func=shared(privacy.privacy_page))
showroom.add_url_rule("/privacidade/meus-dados", view_func=privacy.request_page)
showroom.add_url_rule("/privacidade/meus-dados", view_func=privacy.send_request, methods=["POST"])
_CASE = "/privacidade/caso/<token>"
showroom.add_url_rule(_CASE, view_func=privacy.case_page)
showroom.add_url_rule(_CASE, view_func=privacy.send_code, methods=["POST"])
showroom.add_url_rule(f"{_CASE}/codigo", view_func=privacy.send_new_code, methods=["POST"])
showroom.add_url_rule(f"{_CASE}/corrigir", view_func=privacy.save_correction, methods=["POST"])
showroom.add_url_rule(f"{_CASE}/parar", view_func=privacy.stop_messages, methods=["POST"])
showroom.add_url_rule(f"{_CASE}/apagar", view_func=privacy.erasure_page)
showroom.add_url_rule(f"{_CASE}/apagar", view_func=privacy.erase_now, methods=["POST"])
showroom.add_url_rule(f"{_CASE}/dados.json", view_func=privacy.download_json)
showroom.add_url_rule(f"{_CASE}/dados.csv", view_func=privacy.download_csv)
_LEAVE = "/descadastrar/<token>"
showroom.add_url_rule(_LEAVE, view_func=subscriptions.leave_page)
showroom.add_url_rule(_LEAVE, view_func=subscriptions.leave, methods=["POST"])
_CONFIRM = "/novidades/<token>"
showroom.add_url_rule(_CONFIRM, view_func=subscriptions.confirm_page)
showroom.add_url_rule(_CONFIRM, view_func=subscriptions.confirm, methods=["POST"])
_PREFERENCES = "/preferencias/<token>"
showroom.add_url_rule(_PREFERENCES, view_func=subscriptions.preferences_page)
showroom.add_url_rule(_PREFERENCES, view_func=subscriptions.change_preferences, methods=["POST"])
showroom.add_url_rule("/blog", view_func=shared(blog.blog_page, is_numbered))
showroom.add_url_rule("/blog/tag/<tag>", view_func=shared(blog.tag_page, is_numbered))
showroom.add_url_rule("/blog/historia/<slug>", view_func=shared(blog.story_page))
showroom.add_url_rule("/blog/<slug>", view_func=shared(blog.article_page))
showroom.add_url_rule("/p/<slug>", view_func=shared(blog.site_page))
showroom.add_url_rule("/previa/<token>", view_func=blog.preview_page)
showroom.add_url_rule("/depoimentos", view_func=shared(testimonials.testimonials_page, is_numbered))
_INVITED = "/depoimentos/convite/<token>"
showroom.add_url_rule(_INVITED, view_func=testimonials.invitation_page)
showroom.add_url_rule(_INVITED, view_func=testimonials.send_testimonial, methods=["POST"])
showroom.add_url_rule(f"{_INVITED}/retirar", view_func=testimonials.take_back, methods=["POST"])
showroom.add_url_rule("/favoritos", view_func=visitor.favourites_page)
showroom.add_url_rule("/favoritos", view_func=visitor.change_favourites, methods=["POST"])
showroom.add_url_rule("/comparar", view_func=visitor.compare_page)
showroom.add_url_rule("/comparar", view_func=visitor.change_comparison, methods=["POST"])
showroom.add_url_rule("/vistos/<public_id>", view_func=visitor.mark_seen)
showroom.add_url_rule("/mapa-do-site", view_func=shared(site_map_page))
showroom.add_url_rule("/sitemap.xml", view_func=crawlers.sitemap_index)
showroom.add_url_rule("/sitemap-<name>.xml", view_func=crawlers.sitemap_file)
showroom.add_url_rule("/robots.txt", view_func=crawlers.robots)
# In development only: every part of the design on one page.
showroom.add_url_rule("/_componentes", view_func=components.components_page)
# In development only: the mails as their readers get them.
showroom.add_url_rule("/_emails", view_func=outbox.outbox_page)
showroom.add_url_rule("/_emails/<int:mail_id>", view_func=outbox.mail_page)
showroom.add_url_rule("/_emails/<int:mail_id>/html", view_func=outbox.mail_html)
