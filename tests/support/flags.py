"""The flags of an association, and what they are together."""

from __future__ import annotations

from typing import Any


def flags(association: Any) -> tuple[bool, bool, bool, bool]:
    """Established, rejected, aborted, released."""
    return (association.is_established, association.is_rejected, association.is_aborted, association.is_released)


ESTABLISHED = (True, False, False, False)
ABORTED = (False, False, True, False)
RELEASED = (False, False, False, True)
