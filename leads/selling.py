"""A sale made with a lead is a sale of its car: the stock says so in the same transaction, and so
does every page, feed and portal."""

from typing import Final

from flask_babel import gettext as _

from core.db import db
from inventory.lifecycle import move
from leads.models import Lead, LeadEvent
from leads.pipeline.holds import (
    CarHeld,
    end_hold,
    is_turn_of,
    live_hold,
    locked_car,
    use_place,
)

FOR_SALE: Final = frozenset({"published", "reserved"})


def sell_car(lead: Lead, *, by: str) -> bool:
    """Mark the car of `lead`, which was just won, as sold; whether that changed anything. Inside
    `writing()`. Raises leads.pipeline.holds.CarHeld while somebody else has it."""
    car = locked_car(lead.vehicle_id) if lead.vehicle_id else None
    if car is None or car.state not in FOR_SALE:
        return False
    held = live_hold(car.id)
    if held is not None and not is_turn_of(held, lead):
        raise CarHeld(_("This car is kept for somebody else. Lift that reservation first."))
    if held is not None:  # bought in their turn, without a reservation before
        end_hold(held, "used")
    use_place(lead, car.id)
    return move(car, "sold", by)


def take_sale_back(lead: Lead, event: LeadEvent, *, by: str) -> None:
    """The sale `event` was a slip: its car is for sale again. Inside `writing()`. Raises
    inventory.lifecycle.NotPublishable."""
    db.session.refresh(lead, with_for_update={"of": Lead})  # before its car, as everywhere
    car = locked_car(lead.vehicle_id) if lead.vehicle_id and event.data.get("car_sold") else None
    if car is not None and car.state == "sold":
        move(car, "published", by)
