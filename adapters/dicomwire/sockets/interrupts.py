"""Ctrl-C, as far as it comes by where user code is called."""

from __future__ import annotations

import threading

from dicomwire.associations.user_code import holds


def is_interrupt(error: BaseException) -> bool:
    """Whether a signal ends the program: none comes to another thread than the main one."""
    return holds(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()
