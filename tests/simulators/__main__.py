"""Portals to play with: `python -m tests.simulators all --faults 0.2`.

Prints where each listens and the line that connects it, then serves until Ctrl-C. `GET /_sim` at a
portal shows what stands there; `POST /_sim` with JSON changes the weather or lends a hand:
{"faults": 0.2}, {"kinds": ["cut", "busy"]}, {"latency": 0.05}, {"rate": 20}, {"slots": 10},
{"down": true}, {"close": "<key>"}, {"expire": "<key>"}, {"price": ["<key>", 5990000]}.
"""

import argparse
import shlex
import threading

from tests.simulators.every import SIMULATORS
from tests.simulators.faults import Faults
from tests.simulators.mercadolivre import MercadoLivre
from tests.simulators.simulator import Simulator


def main() -> None:
    """Serve what the command line names."""
    chosen = _parser().parse_args()
    kinds = list(SIMULATORS) if chosen.which == "all" else [chosen.which]
    portals = [
        _serve(kind, chosen, chosen.port + number if chosen.port else 0)
        for number, kind in enumerate(kinds)
    ]
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        for portal in portals:
            portal.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulators",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("which", choices=["all", *SIMULATORS])
    parser.add_argument("--port", type=int, default=9001, help="of the first; 0: free ones")
    parser.add_argument("--faults", type=float, default=0.0, help="share of requests, 0 to 1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--rate", type=float, help="requests a second that each bears")
    parser.add_argument("--delay", type=float, default=0.0,
                        help="seconds until imports and queued writes are done")  # fmt: skip
    parser.add_argument("--small", action="store_true",
                        help="short lists of makes and models, as in the tests")  # fmt: skip
    return parser


def _serve(kind: str, chosen: argparse.Namespace, port: int) -> Simulator:
    faults = Faults(seed=chosen.seed, share=chosen.faults, latency=chosen.latency, rate=chosen.rate)
    portal = SIMULATORS[kind](faults, port=port)
    if hasattr(portal, "delay"):
        portal.delay = chosen.delay
    if isinstance(portal, MercadoLivre):
        portal.issued.refresh = ""  # a store that was connected before we started stays so
    if hasattr(portal, "catalogue") and not chosen.small:
        portal.catalogue.widen()
    print(f"{kind}: {portal.url}  (see {portal.url}/_sim)\n  {command(portal)}\n", flush=True)
    return portal


def command(portal: Simulator) -> str:
    """The line that connects `portal` to a store."""
    pairs = [f"--set {shlex.quote(f'{name}={value}')}" for name, value in portal.settings.items()]
    return " ".join(
        ["flask --app wsgi portals add", portal.kind, f"--name sim-{portal.kind}",
         f"--base-url {portal.url}", *pairs]
    )  # fmt: skip


if __name__ == "__main__":
    main()
