"""Every portal that there is an adapter for, by the kind of its accounts."""

from typing import Final

from integrators.portals.chavesnamao import ChavesNaMao
from integrators.portals.mercadolivre import MercadoLivre
from integrators.portals.olx import Olx
from integrators.portals.portal import Portal
from integrators.portals.webmotors import Webmotors

_ALL: Final[tuple[Portal, ...]] = (MercadoLivre(), Olx(), ChavesNaMao(), Webmotors())
PORTALS: Final[dict[str, Portal]] = {portal.kind: portal for portal in _ALL}
