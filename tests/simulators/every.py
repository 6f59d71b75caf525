"""Every portal that there is a simulator of, by the kind of its accounts."""

from tests.simulators.chavesnamao import ChavesNaMao
from tests.simulators.mercadolivre import MercadoLivre
from tests.simulators.olx import Olx
from tests.simulators.simulator import Simulator
from tests.simulators.webmotors import Webmotors

SIMULATORS: dict[str, type[Simulator]] = {
    one.kind: one for one in (MercadoLivre, Olx, ChavesNaMao, Webmotors)
}
