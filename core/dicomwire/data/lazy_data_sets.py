"""Data sets that are made when somebody looks into them.

Of ten thousand matches most are looked at for one value or not at all, and each ``Dataset`` is some thirty objects for
the garbage collector to visit again and again.
"""

from __future__ import annotations

from typing import Any, Self

from pydicom.dataset import Dataset

from dicomwire.data.pydicom_private import ELEMENTS


class LazyDataset(Dataset):
    """Turns into a ``Dataset``, of that very class, when anything of it is asked for."""

    _pending: Any
    """What it will be made of."""

    @classmethod
    def of(cls, pending: Any) -> Self:
        """A data set that will be what ``make`` makes of this."""
        made = object.__new__(cls)
        # Not through Dataset, which would look for a keyword first.
        object.__setattr__(made, "_pending", pending)
        return made

    @staticmethod
    def make(pending: Any) -> Dataset:
        """The data set that is made of what ``of`` was given, when somebody first looks."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        # Comes here for whatever is not there, which is everything that the constructor of Dataset sets.
        turn(self)
        return getattr(self, name)

    def __eq__(self, other: object) -> bool:
        # Dataset equals what is of its own class or one below.
        turn(self)
        return Dataset.__eq__(self, other)

    __hash__ = None  # type: ignore[assignment]

    def __dir__(self) -> list[str]:
        turn(self)
        return dir(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # For copies and pickles.
        turn(self)
        return self.__reduce_ex__(protocol)


def turn(data_set: LazyDataset) -> None:
    """Make it what it is to be."""
    kind, values = type(data_set), data_set.__dict__
    known = values.copy()
    if ELEMENTS not in known:
        # Else another thread was faster.  It may still be at it: what is there, or has been set, stays.
        made = vars(kind.make(known["_pending"]))
        elements = made.pop(ELEMENTS)
        for name, value in made.items():
            values.setdefault(name, value)
        # Last: it says that nothing is missing.
        values.setdefault(ELEMENTS, elements)
    object.__setattr__(data_set, "__class__", Dataset)
    values.pop("_pending", None)
