"""Studies that arrive instance by instance, until nothing more has come for a while."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from dicomwire.apps._common.arrived_instance import ArrivedInstance


@define(eq=False)
class Study:
    """What has come of a study."""

    last: ArrivedInstance
    """The instance that came last."""

    folder: Path
    """The one that all of its files are in, or in folders below it."""

    due: float
    """When it counts as finished."""

    count: int = 1

    def value(self, keyword: str) -> str:
        """What is filled in for a keyword of a command."""
        if keyword == "folder":
            return str(self.folder)
        return str(self.count) if keyword == "count" else self.last.safe_value(keyword)


@define(eq=False)
class Studies:
    """Tells when nothing more of a study has come for some time."""

    timeout: float
    """Seconds."""

    finished: Callable[[str, Study], None]
    """Called with the Study Instance UID, safe to be shown, once for each time that a study has come."""

    now: Callable[[], float] = time.monotonic
    _studies: dict[str, Study] = field(factory=dict, init=False)
    _changed: threading.Condition = field(factory=threading.Condition, init=False)
    _is_ending: bool = field(default=False, init=False)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While the block runs; behind it all studies are finished."""
        thread = threading.Thread(target=self._watch, name="dicomwire-studies", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._is_ending = True
                self._changed.notify()
            thread.join()

    def arrived(self, arrival: ArrivedInstance) -> None:
        """One more instance has come."""
        uid = arrival.safe_value("StudyInstanceUID")
        folder = arrival.path.absolute().parent
        due = self.now() + self.timeout
        with self._changed:
            study = self._studies.pop(uid, None)
            if study is None:
                study = Study(arrival, folder, due)
            else:
                study.last, study.due = arrival, due
                study.count += 1
                if folder != study.folder:
                    study.folder = Path(os.path.commonpath([folder, study.folder]))
            # Behind the others: the first in the dictionary is the first to be due.
            self._studies[uid] = study
            self._changed.notify()

    def _watch(self) -> None:
        while (found := self._next()) is not None:
            self.finished(*found)

    def _next(self) -> tuple[str, Study] | None:
        """Wait for a study that is finished; None when all are and there are no more to come."""
        with self._changed:
            while True:
                uid = next(iter(self._studies), None)
                if uid is None:
                    if self._is_ending:
                        return None
                    self._changed.wait()
                    continue
                left = self._studies[uid].due - self.now()
                if left <= 0 or self._is_ending:
                    return uid, self._studies.pop(uid)
                self._changed.wait(left)
