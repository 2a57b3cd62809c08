"""Connections, as a thread waits for them."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterable

from dicomwire.sockets.dialing import Attempt, Dialing


def dial(dialing: Dialing) -> socket.socket:
    """A connected, blocking socket, in this thread.

    Raises:
        OSError: no address answers, or not in time.
    """
    dialing.begin(time.monotonic())
    running: dict[int, Attempt] = {}
    try:
        while dialing.winner is None:
            now = time.monotonic()
            attempt = dialing.next_attempt(now)
            if attempt is not None:
                try:
                    if attempt.connect():
                        dialing.won(attempt)
                    else:
                        running[attempt.sock.fileno()] = attempt
                except OSError as error:
                    dialing.failed(attempt, error, now)
            elif (failure := dialing.failure(now)) is not None:
                raise failure
            else:
                _wait(dialing, running, now)
        dialing.winner.sock.settimeout(None)
        return dialing.winner.sock
    except BaseException:
        dialing.abandon()
        raise
    finally:
        dialing.close()


def _wait(dialing: Dialing, running: dict[int, Attempt], now: float) -> None:
    """Wait until an attempt has ended, or something is due."""
    deadline = dialing.next_deadline()
    left = None if deadline is None else max(0.0, deadline - now)
    if not running:
        time.sleep(left or 0.0)
        return
    for descriptor in _connected(running, left):
        attempt = running.pop(descriptor)
        try:
            attempt.finish()
        except OSError as error:
            dialing.failed(attempt, error, now)
        else:
            dialing.won(attempt)


def _connected(descriptors: Iterable[int], seconds: float | None) -> list[int]:
    """Those with an outcome, in so many seconds at most."""
    if not hasattr(select, "poll"):
        _, good, bad = select.select([], list(descriptors), list(descriptors), seconds)
        return list({*good, *bad})
    # For once, this is fewer system calls than a selector takes.
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLOUT)
    # Rounded up: else it would ask again and again in the last millisecond.
    return [descriptor for descriptor, _ in poller.poll(None if seconds is None else int(seconds * 1000) + 1)]
