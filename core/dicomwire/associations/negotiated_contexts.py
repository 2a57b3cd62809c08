"""The presentation contexts of an association: which there are, and the choice of one to send a request on."""

from __future__ import annotations

from typing import Any, TypeAlias

from dicomwire._globals import DEFLATED, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from dicomwire.associations.negotiation import ACCEPTED, NegotiatedContext

_LITTLE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED)


_MOST = 256

Chosen: TypeAlias = dict[Any, NegotiatedContext | None]
"""What was chosen before among the same outcomes."""


class NegotiatedContexts:
    """The outcomes by context ID; nothing before the answer to the association request."""

    def __init__(self) -> None:
        self.all: list[NegotiatedContext] = []
        self._by_abstract_syntax: dict[str, list[NegotiatedContext]] | None = None
        self._found: Chosen = {}

    def __bool__(self) -> bool:
        return bool(self.all)

    def set(self, contexts: list[NegotiatedContext], chosen: Chosen | None = None) -> None:
        """These are the outcomes; ``chosen`` is kept with them, for all associations with the same ones."""
        self.all = contexts
        self._by_abstract_syntax = None
        self._found = {} if chosen is None else chosen

    def accepted(self, abstract_syntax: str) -> list[NegotiatedContext]:
        """The accepted contexts of one abstract syntax."""
        if self._by_abstract_syntax is None:
            table: dict[str, list[NegotiatedContext]] = {}
            for context in self.all:
                if context.result == ACCEPTED:
                    table.setdefault(context.abstract_syntax, []).append(context)
            self._by_abstract_syntax = table
        return self._by_abstract_syntax.get(abstract_syntax, [])

    def by_id(self, context_id: int) -> NegotiatedContext | None:
        """The accepted context with this ID."""
        for item in self.all:
            if item.context_id == context_id and item.result == ACCEPTED:
                return item
        return None

    def find(
        self,
        abstract_syntax: str,
        transfer_syntax: str | None = None,
        *,
        role: str | None = "scu",
        exact: bool = False,
        classes: tuple[str, ...] | None = None,
    ) -> NegotiatedContext | None:
        """The accepted context to send a request on, in our ``role``; None if there is none.

        ``classes`` are the abstract syntaxes that will do, the best first; default: just the one.
        The transfer syntax wanted wins; else, unless ``exact``, one that the data set can be converted to: both
        uncompressed and of the same byte order.
        """
        key = classes or abstract_syntax, transfer_syntax, role, exact
        found = self._found
        try:
            # Other threads may clear it meanwhile.
            return found[key]
        except KeyError:
            pass
        if len(found) >= _MOST:
            found.clear()
        chosen = found[key] = self._find(classes or (abstract_syntax,), transfer_syntax, role, exact=exact)
        return chosen

    def _find(
        self, abstract_syntaxes: tuple[str, ...], transfer_syntax: str | None, role: str | None, *, exact: bool
    ) -> NegotiatedContext | None:
        candidates = [context for uid in abstract_syntaxes for context in self.accepted(uid)]
        if role is not None:
            candidates = [context for context in candidates if (context.as_scu if role == "scu" else context.as_scp)]
        if transfer_syntax is None:
            return candidates[0] if candidates else None
        for context in candidates:
            if context.transfer_syntax == transfer_syntax:
                return context
        if not exact and transfer_syntax in _LITTLE:
            for context in candidates:
                if context.transfer_syntax in _LITTLE:
                    return context
        return None
