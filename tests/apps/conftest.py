"""The applications are interrupted as a terminal would do it."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs the tests in the background ignores Ctrl-C, also for all that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
