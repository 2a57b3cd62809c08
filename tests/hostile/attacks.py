"""All attacks: the modules that hold them enter them when they are imported."""

from __future__ import annotations

from tests.hostile import before_association, in_association
from tests.hostile.attack import ATTACKS

__all__ = ["ATTACKS", "before_association", "in_association"]
