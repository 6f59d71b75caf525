"""The one root of every error a person caused or can act on.

DomainError
├── core.config.BadSetting         a setting is unknown, missing or unusable: the start stops
├── core.db.DatabaseUnreachable    no connection: commands end with a sentence, pages with 503
├── core.money.NotMoney            text that is no price
├── core.fetch.FetchRefused …      an address we may not or could not read
├── jobs.queue.LeaseLost           another worker took the job over
└── inventory.…                    each package draws its own branch at the top of its module

A door turns these into words and a status; nothing below a door catches them to hide them.
"""


class DomainError(Exception):
    """A rule said no. `str(error)` is a sentence for the person who asked."""
