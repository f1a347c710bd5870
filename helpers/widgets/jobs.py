"""How does a widget work for minutes without holding up the notebook, and always end?"""

import threading
import weakref
from collections.abc import Callable

from IPython import get_ipython

from helpers.divergence import Diverged

_JOBS: weakref.WeakSet["Job"] = weakref.WeakSet()
_LOCK = threading.Lock()


class Refused(ValueError):
    """What cannot be done: one sentence that says why, and what to do."""


def complaint(error: Exception) -> str:
    """What to say on the page of an error that ended a job."""
    if isinstance(error, Diverged):
        return f"Stopped. {error}"
    if isinstance(error, Refused):
        return str(error)
    return f"Ended by an error. {type(error).__name__}: {error}"


class Job:
    """Work on a thread of its own: one piece at a time, which stops when asked.

    No press is lost: that work begins, and that it has ended, is decided and shown under one lock,
    so whoever presses finds either work under way or a button that begins it.

    A cell that runs again makes its widgets anew, and their old views are gone; so a new job stops
    those that an earlier run of the same cell made.
    """

    def __init__(self) -> None:
        self.lock, self.stop_asked = threading.RLock(), threading.Event()
        self.thread: threading.Thread | None = None
        self.error: Exception | None = None
        self.working = False
        self.cell, self.run = _running_cell()
        with _LOCK:
            for other in _JOBS:
                if self.cell is not None and other.cell == self.cell and other.run != self.run:
                    other.stop()
            _JOBS.add(self)

    def start(self, work: Callable[[], None], show: Callable[[bool], None]) -> bool:
        """Begin, unless work is under way; where it was asked to stop, begin after it.

        Args:
            work: what to do; it looks at `stop_asked` often. An error ends it and is kept.
            show: called with True before the work and with False after it, to tell the page.

        Returns:
            Whether it has begun.
        """
        if self.stop_asked.is_set():
            self.halt()
        with self.lock:
            if self.working:
                return False
            self.stop_asked.clear()
            show(True)
            self.error, self.working = None, True
            thread = threading.Thread(target=self._run, args=(work, show), daemon=True)
            thread.start()
            self.thread = thread  # only now: who waits for it may not find it unstarted
            return True

    def stop(self) -> None:
        """Ask the work to end after its current step; what it made stays."""
        with self.lock:
            if self.working:
                self.stop_asked.set()

    def halt(self) -> None:
        """Ask the work to end, and wait until it has; the work itself may call it."""
        self.stop()
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join()

    def join(self) -> None:
        """Wait for the work to end; interrupting the kernel stops it.

        Before ipykernel 7, as on Colab, a kernel hears buttons only between cells: there Stop does
        not reach the work while a cell waits here, and interrupting is the way.

        Raises:
            Exception: whatever ended the work, if an error did.
        """
        try:
            while self.thread is not None:
                thread = self.thread
                thread.join()
                if thread is self.thread:
                    break
        except KeyboardInterrupt:
            self.stop()
            raise
        if self.error is not None:
            raise self.error

    def _run(self, work: Callable[[], None], show: Callable[[bool], None]) -> None:
        try:
            work()
        except Exception as error:
            self.error = error
        finally:
            with self.lock:
                self.working = False
                show(False)


def _running_cell() -> tuple[str | None, str | None]:
    """The id of the cell that runs and of this run of it, as JupyterLab names them, or None."""
    shell = get_ipython()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
