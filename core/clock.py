"""The only place that reads the time, so that a test can stop it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

DEFAULT_ZONE = ZoneInfo("America/Sao_Paulo")


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def read_instant(text: str) -> datetime:
    """An instant in ISO 8601, in UTC; without a zone it is UTC. Raises ValueError."""
    instant = datetime.fromisoformat(text)
    try:
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError(text) from None


def today(zone: ZoneInfo = DEFAULT_ZONE) -> date:
    """The calendar day where `zone` is: a promotion ends with the store's day, not with UTC's."""
    return now().astimezone(zone).date()
