"""What a restored backup means for portals: they are ahead of us and know of cars sold since."""

import sqlalchemy as sa

from core.db import writing
from integrators.listings.tombstones import reapply
from integrators.models import Advertiser


def beware_of_portals() -> str:
    """Sell again what was sold since the backup, and let no account put anything up until somebody
    looked at the difference. Returns a sentence about it; opens `writing()`.

    All accounts, not only those that `tombstones.judge` would find behind: on a new machine the
    files that it asks are gone with the old one.
    """
    again = reapply()
    with writing() as session:
        accounts = session.execute(
            sa.update(Advertiser)
            .values(is_wary=True, observe_at=None)
            .returning(Advertiser.account_id),
            execution_options={"synchronize_session": False},
        ).all()
    if not accounts and not again:
        return ""
    return (
        f"Cars sold again: {again}. Portal accounts that only take down until somebody looked: "
        f"{len(accounts)}. See /admin/portais/, then run "
        "`flask --app wsgi portals restored --go-on NAME`."
    )
