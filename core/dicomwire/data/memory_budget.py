"""How much memory the data sets of all associations may take together."""

from __future__ import annotations

from dicomwire._logging import logger

LOGGER = logger(__name__)

DEFAULT_BUDGET = 256 << 20
"""Bytes."""

FREE = 64 << 10
"""Bytes of a data set that are not counted: what each association has anyway."""


class MemoryBudget:
    """Bytes of data sets in memory, those of all associations that share it, from their coming until they are let go.

    What would come over ``limit`` goes to a temporary file instead, whatever else it may be, as if it were longer than
    ``Limits.data_set_in_memory``: nobody waits for others, and nobody is refused.  ``limit`` may be set at any time;
    None: there is none.  Data sets of up to 64 KiB are not counted.

    Raises:
        TypeError: ``limit`` is neither an int nor None.
        ValueError: it is below 0.
    """

    def __init__(self, limit: int | None = DEFAULT_BUDGET) -> None:
        self.limit = limit
        self._claims: dict[object, int] = {}
        # Threads may share it: each step on the dictionary is one that nobody comes between.
        self._is_short = False

    @property
    def limit(self) -> int | None:
        """Bytes, or None."""
        return self._limit

    @limit.setter
    def limit(self, limit: int | None) -> None:
        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool)):
            raise TypeError(f"the limit of a memory budget is bytes or None, not {type(limit).__name__}")
        if limit is not None and limit < 0:
            raise ValueError(f"the limit of a memory budget cannot be {limit}")
        self._limit = limit

    @property
    def held(self) -> int:
        """Bytes that are taken now."""
        return sum(self._claims.copy().values())

    def allows(self, claim: object, size: int) -> bool:
        """Count ``size`` bytes for ``claim`` from now on, and all of them; False if they are too many together."""
        self._claims[claim] = size
        if self._limit is None or self.held <= self._limit:
            return True
        if not self._is_short:
            self._is_short = True
            LOGGER.warning(
                "data sets in memory take %d bytes, the memory_budget of the AE: more of them go to temporary files",
                self._limit,
            )
        return False

    def forget(self, claim: object) -> None:
        """What was counted for ``claim`` is in memory no more."""
        self._claims.pop(claim, None)
        if self._is_short and (self._limit is None or 2 * self.held <= self._limit):
            # Else it would be told again and again.
            self._is_short = False

    def __repr__(self) -> str:
        return f"<MemoryBudget {self.held} of {self._limit} bytes>"
