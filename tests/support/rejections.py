"""How a rejected association was rejected."""

from __future__ import annotations

from typing import Any


def codes(association: Any) -> tuple[int, int, int]:
    """Result, source and reason of a rejected association."""
    assert association.is_rejected and not association.is_established and not association.is_aborted
    primitive = association.acceptor.primitive
    return (primitive.result, primitive.result_source, primitive.diagnostic)
