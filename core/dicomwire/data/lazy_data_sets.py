"""Data sets that are made when somebody looks into them.

Of ten thousand matches most are looked at for one value or not at all, and each ``Dataset`` is some thirty objects for
the garbage collector to visit again and again.  And who only wants to know whether an echo came back needs no pydicom,
which takes longer to load than all of ours.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
else:
    # For isinstance() it is one all the same, by the class that it says it has.
    Dataset = object

_set_class: Any = vars(object)["__class__"].__set__


class LazyDataset(Dataset):
    """Turns into a ``Dataset``, of that very class, when anything of it is asked for."""

    _pending: Any
    """What it will be made of."""

    @classmethod
    def of(cls, pending: Any) -> Self:
        """A data set that will be what ``make`` makes of this."""
        made = object.__new__(cls)
        # Not through __setattr__, which would make it.
        object.__setattr__(made, "_pending", pending)
        return made

    @staticmethod
    def make(pending: Any) -> Dataset:
        """The data set that is made of what ``of`` was given, when somebody first looks."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        # Comes here for whatever is not there, which is everything that Dataset and its constructor have.
        turn(self)
        return getattr(self, name)

    __hash__ = None  # type: ignore[assignment]

    if not TYPE_CHECKING:

        @property
        def __class__(self) -> type[Dataset]:
            # What isinstance() asks when the type is not enough; before pydicom is loaded nobody asks for its class.
            if "pydicom" not in sys.modules:
                return type(self)
            from pydicom.dataset import Dataset

            return Dataset


def _turning(name: str) -> Any:
    def turned(self: LazyDataset, *args: Any) -> Any:
        turn(self)
        return getattr(type(self), name)(self, *args)

    return turned


# What Python looks up in the type, and not in __getattr__.
for _name in (
    "__contains__", "__delattr__", "__delitem__", "__dir__", "__enter__", "__eq__", "__exit__", "__format__",
    "__getitem__", "__iter__", "__len__", "__ne__", "__reduce_ex__", "__repr__", "__setattr__", "__setitem__",
    "__sizeof__", "__str__",
):  # fmt: skip
    setattr(LazyDataset, _name, _turning(_name))


def turn(data_set: LazyDataset) -> None:
    """Make it what it is to be."""
    from pydicom.dataset import Dataset

    from dicomwire.data.pydicom_private import ELEMENTS

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
    _set_class(data_set, Dataset)
    values.pop("_pending", None)
