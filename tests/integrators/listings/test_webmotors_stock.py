"""The stock at Webmotors: its lists are read, what is sure goes up, what is sold is gone."""

from integrators.listings.terms import open_words
from integrators.portals.every import PORTALS
from tests.factories import make_vehicle
from tests.integrators.listings.conftest import reprice, sell
from tests.integrators.portal_stock import plate, with_photos
from tests.simulators.webmotors import Webmotors


def test_put_up_changed_sold(advertise, stock, sync):
    with Webmotors() as portal:
        cars = stock(3)
        unknown = make_vehicle(make="Fiat", model="Argo", trim="Sport", license_plate=plate())
        with_photos(unknown)
        account = advertise(portal, calls_per_second="800")
        sync(account)
        assert len(portal.online_keys()) == 3  # all but the one whose version nobody knows
        waiting = open_words(PORTALS["webmotors"])
        assert [(one.match.ours, one.cars) for one in waiting] == [("fiat/argo/sport", 1)]

        writes = portal.writes
        sync(account, looks=True)
        assert portal.writes == writes
        reprice(cars[0], 61_000_00)
        sell(cars[1])
        sync(account)
        assert portal.writes == writes + 2
        assert sorted(portal.online().values()) == [61_000_00, 69_900_00]
        assert (portal.doubles, portal.foreign_touched) == ([], 0)
