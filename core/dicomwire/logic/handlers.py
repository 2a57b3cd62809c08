"""What can go wrong in user code."""

from __future__ import annotations


class HandlerRaised(Exception):
    """A user's handler raised; ``__cause__`` is what.  Keeps its errors apart from those of the association."""
