"""Every address of the buyer's door on one screen."""

from flask import Blueprint

from showroom import components, crawlers, visitor
from showroom.home import home_page
from showroom.offer_page import offer_page
from showroom.simulator import financing_page
from showroom.stock_list import make_page, model_page, stock_page
from showroom.stores import store_page, stores_page

showroom = Blueprint("showroom", __name__)

showroom.add_url_rule("/", view_func=home_page)
showroom.add_url_rule("/estoque", view_func=stock_page)
showroom.add_url_rule("/estoque/<make>", view_func=make_page)
showroom.add_url_rule("/estoque/<make>/<model>", view_func=model_page)
showroom.add_url_rule("/oferta/<name>", view_func=offer_page)
showroom.add_url_rule("/financiamento", view_func=financing_page)
showroom.add_url_rule("/lojas", view_func=stores_page)
showroom.add_url_rule("/lojas/<slug>", view_func=store_page)
showroom.add_url_rule("/favoritos", view_func=visitor.favourites_page)
showroom.add_url_rule("/favoritos", view_func=visitor.change_favourites, methods=["POST"])
showroom.add_url_rule("/comparar", view_func=visitor.compare_page)
showroom.add_url_rule("/comparar", view_func=visitor.change_comparison, methods=["POST"])
showroom.add_url_rule("/vistos/<public_id>", view_func=visitor.mark_seen)
showroom.add_url_rule("/sitemap.xml", view_func=crawlers.sitemap_index)
showroom.add_url_rule("/sitemap-<name>.xml", view_func=crawlers.sitemap_file)
showroom.add_url_rule("/robots.txt", view_func=crawlers.robots)
# In development only: every part of the design on one page.
showroom.add_url_rule("/_componentes", view_func=components.components_page)
