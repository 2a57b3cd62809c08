"""Associations that get time to end, each watched by a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

from dicomwire._logging import logger
from dicomwire.associations.draining import in_order, retire
from dicomwire.blocking.association import Association

LOGGER = logger(__name__)


def drain(associations: Iterable[Any], seconds: float) -> None:
    """Return when they have ended by themselves, or after so many seconds; what is left is to be aborted."""
    deadline = time.monotonic() + seconds
    for group in in_order(item for item in associations if isinstance(item, Association)):
        threads = []
        for association in group:
            thread = threading.Thread(target=_retire, args=(association,), name="dicomwire-drain", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                LOGGER.error("an association cannot be drained and will be aborted: %s", error)
                continue
            threads.append(thread)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _retire(association: Association) -> None:
    try:
        association.host.run(retire(association))
    except Exception:
        LOGGER.exception("draining an association failed")


def abort_all(associations: Iterable[Association]) -> list[threading.Thread]:
    """Abort them all at once, in threads that end when they are over."""
    threads = []
    for association in associations:
        thread = threading.Thread(target=association.abort, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # Out of threads: one after the other then, and without waiting for any peer.
            association.abort(block=False)
        else:
            threads.append(thread)
    return threads
