"""gunicorn's threaded worker on our own pool: `--worker-class core.web_worker.Worker`."""

from types import FrameType

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from core.pool import Pool, use_pool


class Worker(ThreadWorker):  # type: ignore[misc]
    """A live stream takes no thread from those who ask for pages, and ends when we stop."""

    def get_thread_pool(self) -> Pool:
        """The library asks for it once, in the process that will answer."""
        return use_pool(Pool(self.cfg.threads))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Asked to stop."""
        self.tpool.is_stopping = True
        super().handle_exit(sig, frame)

    def is_parent_alive(self) -> bool:
        """Asked each second; without its parent a worker stops."""
        is_alive = bool(super().is_parent_alive())
        self.tpool.is_stopping |= not is_alive
        return is_alive
