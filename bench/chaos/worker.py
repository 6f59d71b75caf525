"""The real background worker with a shorter lease, so that a killed one is missed sooner."""

import os
import sys

from app import create_app
from jobs.cli import stop_on_signals
from jobs.worker import Worker


def main() -> None:
    app = create_app()
    worker = Worker(
        app, app.extensions["vitrine_jobs"], threads=2, lease_seconds=float(sys.argv[1])
    )
    stop_on_signals(worker)
    if not worker.run():
        os._exit(0)


if __name__ == "__main__":
    main()
