"""The associations of an AE, or of a server, that are running."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.ending import ended_here

AssociationT = TypeVar("AssociationT", bound=AssociationBase)


class Running(Generic[AssociationT]):
    """Those that have begun and not ended, in the order in which they began."""

    def __init__(self) -> None:
        self._associations: dict[Any, AssociationT] = {}
        self._places: dict[Any, None] = {}

    def add(self, association: AssociationT) -> None:
        """It has begun."""
        self._associations[association] = association

    def remove(self, association: Any) -> None:
        """It has ended; it need not be there."""
        self._associations.pop(association, None)
        self.give_up_place(association)

    def all(self) -> list[AssociationT]:
        """A new list of them."""
        # Others may add and remove meanwhile: copying is one step, iterating is not.
        return list(self._associations.copy().values())

    def to_be_waited_for(self) -> list[AssociationT]:
        """Those whose end a shutdown waits for: until their last handlers have returned, unless it is called in one."""
        return [] if ended_here() is not None else self.all()

    def take_place(self, association: Any, maximum: int) -> bool:
        """Give it one of ``maximum`` places, for those in which we are the acceptor; False if all are taken."""
        self._places[association] = None
        # Threads may come at once: the order decides, and not who looks first.
        if len(self._places) > maximum and association not in list(self._places)[:maximum]:
            self.give_up_place(association)
            return False
        return True

    def give_up_place(self, association: Any) -> None:
        """Its place is free; it need not have one."""
        self._places.pop(association, None)

    def has_place(self, association: Any) -> bool:
        """Whether it has one."""
        return association in self._places

    def forsake(self, why: str) -> None:
        """This process is a fork: the associations of its parent are not its own."""
        for association in self.all():
            association.line.forsake(why)
        self._associations.clear()
        self._places.clear()
