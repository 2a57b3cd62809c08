"""How long a test waits for what comes at once, on a machine that may be slow and busy."""

from __future__ import annotations

SOON = 20.0
"""Seconds.  Far more than anything takes that goes well, and less than the 30 of a default timeout."""
