"""Every source by the kind of its account."""

from typing import Final

from integrators.incoming import (
    adf,
    chavesnamao,
    generic,
    mailbox,
    mercadolivre,
    meta,
    olx,
    telephony,
    webmotors,
    whatsapp,
)
from integrators.incoming.source import Source

_ALL: Final[tuple[Source, ...]] = (
    mercadolivre.SOURCE,
    olx.SOURCE,
    chavesnamao.SOURCE,
    webmotors.SOURCE,
    meta.SOURCE,
    whatsapp.SOURCE,
    telephony.SOURCE,
    adf.SOURCE,
    mailbox.SOURCE,
    generic.SOURCE,
)
SOURCES: Final = {source.kind: source for source in _ALL}
