"""TRUSTED CORE, though it can only end a query. A clock of a query's processor time.

On a loaded machine a query takes longer and no more processor time, so what is stopped there is
what would be stopped on a quiet one. A thread looks at the clock while a query runs, and ends
itself when there has been none for a second.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_LOOK: Final = 0.05
_LOOKS_WITHOUT_A_QUERY: Final = 20
# The time on the wall, as a multiple, for a query that waits without using the processor.
_ON_THE_WALL: Final = 20


class ProcessorClock:
    """Calls `interrupt` when the query that runs has used its time; `struck` says that it did.

    An interrupt never meets a later query: both the look at the clock and the end of a query hold
    the same lock.
    """

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.struck = False
        self._interrupt = interrupt
        self._lock = threading.Lock()
        self._over: Callable[[], bool] | None = None
        self._watcher: threading.Thread | None = None

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Let the calling thread run a query for so many seconds of processor time."""
        used = _time_of_this_thread()
        most, wall = used() + seconds, time.monotonic() + _ON_THE_WALL * seconds
        with self._lock:
            self.struck = False
            self._over = lambda: used() > most or time.monotonic() > wall
            if self._watcher is None or not self._watcher.is_alive():
                self._watcher = threading.Thread(target=self._watch, daemon=True)
                self._watcher.start()
        try:
            yield
        finally:
            with self._lock:
                self._over = None

    def _watch(self) -> None:
        idle = 0
        while True:
            time.sleep(_LOOK)
            with self._lock:
                idle = idle + 1 if self._over is None else 0
                if idle == _LOOKS_WITHOUT_A_QUERY:
                    self._watcher = None
                    return
                if self._over is not None and self._over():
                    self.struck = True
                    self._interrupt()


def _time_of_this_thread() -> Callable[[], float]:
    """The processor time of the calling thread, to be read from any; of the process elsewhere."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.process_time
    clock = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(clock)
