"""Presentation contexts as an AE is configured with them, and the plain values that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeAlias

from dicomwire.associations.negotiation import Supported
from dicomwire.upper_layer.items import PresentationContextRQItem
from dicomwire.vocabulary.contexts import PresentationContext, build_context, settings_of_all
from dicomwire.vocabulary.titles_and_uids import uid_name

MOST_CONTEXTS = 128
"""Context IDs are the odd numbers of a byte (PS3.8 9.3.2.2)."""

_LACKS_SYNTAX = "a presentation context has no abstract syntax"
_PLAIN = {PresentationContext}

Syntaxes: TypeAlias = str | Sequence[str] | None


def requested_items(contexts: Iterable[PresentationContext]) -> tuple[PresentationContextRQItem, ...]:
    """`contexts` as they go on the wire, numbered 1, 3, 5, ...; those sent before are not built again.

    Raises:
        ValueError: one is no context or lacks a syntax, or there are more than 128.
    """
    given = list(contexts)
    if set(map(type, given)) - _PLAIN:
        # One of them is a subclass, or no context at all.
        checked(given)
    if len(given) > MOST_CONTEXTS:
        raise ValueError(f"{len(given)} presentation contexts, more than {MOST_CONTEXTS}")
    return _numbered(tuple([settings[:2] for settings in settings_of_all(given)]))


def supported_by(contexts: Iterable[PresentationContext]) -> dict[str, Supported]:
    """What an acceptor with these contexts supports, by abstract syntax; contexts with the same one are merged.

    Raises:
        ValueError: one is no context, lacks an abstract syntax, or has one of the two roles set.
    """
    merged: dict[str, PresentationContext] = {}
    for context in checked(contexts):
        if (context.scu_role is None) is not (context.scp_role is None):
            raise ValueError(f"{context!r}: set both 'scu_role' and 'scp_role', or none of them")
        merge(merged, copied(context, roles=True))
    return {
        uid: Supported(
            tuple(str(syntax) for syntax in context.transfer_syntax),
            None if context.scu_role is None or context.scp_role is None else (context.scu_role, context.scp_role),
        )
        for uid, context in merged.items()
    }


def checked(contexts: Iterable[PresentationContext]) -> list[PresentationContext]:
    """A list of them; `ValueError` unless each is a presentation context with an abstract syntax."""
    given = list(contexts)
    for context in given:
        if not isinstance(context, PresentationContext):
            raise ValueError(f"an object of type {type(context).__name__} is no presentation context")
        if not context.abstract_syntax:
            raise ValueError(_LACKS_SYNTAX)
    return given


def key_of(context: PresentationContext) -> tuple[str, tuple[str, ...]]:
    """What makes two of them the same proposal."""
    return context.abstract_syntax or "", tuple(context.transfer_syntax)


def copied(context: PresentationContext, *, roles: bool = False) -> PresentationContext:
    """A copy without ID and outcome, and without roles unless they are wanted."""
    new = build_context(context.abstract_syntax or "", context.transfer_syntax)
    if roles:
        new.scu_role, new.scp_role = context.scu_role, context.scp_role
    return new


def merge(supported: dict[str, PresentationContext], context: PresentationContext) -> None:
    """Add `context`, which is ours to keep."""
    uid = str(context.abstract_syntax)
    present = supported.setdefault(uid, context)
    if present is context:
        return
    for syntax in context.transfer_syntax:
        present.add_transfer_syntax(syntax)
    if context.scu_role is not None or context.scp_role is not None:
        present.scu_role, present.scp_role = context.scu_role, context.scp_role


def is_emptied(context: PresentationContext, transfer_syntax: Syntaxes) -> bool:
    """Take these transfer syntaxes out of `context`, and say whether none is left; None takes all."""
    if transfer_syntax is None:
        return True
    unwanted = {transfer_syntax} if isinstance(transfer_syntax, str) else set(transfer_syntax)
    left = [syntax for syntax in context.transfer_syntax if syntax not in unwanted]
    if len(left) == len(context.transfer_syntax):
        return False
    if left:
        context.transfer_syntax[:] = left
    return not left


@lru_cache(maxsize=128)
def _numbered(contexts: tuple[tuple[str | None, tuple[str, ...]], ...]) -> tuple[PresentationContextRQItem, ...]:
    items = []
    for index, (abstract_syntax, transfer_syntaxes) in enumerate(contexts):
        if not abstract_syntax:
            raise ValueError(_LACKS_SYNTAX)
        if not transfer_syntaxes:
            raise ValueError(f"the presentation context for {uid_name(abstract_syntax)} has no transfer syntax")
        items.append(
            PresentationContextRQItem(
                context_id=2 * index + 1,
                abstract_syntax=str(abstract_syntax),
                transfer_syntax=tuple(str(syntax) for syntax in transfer_syntaxes),
            )
        )
    return tuple(items)
