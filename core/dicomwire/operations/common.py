"""What all operations share: the checks, the choice of a context, the sending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire import _config
from dicomwire._globals import DEFLATED, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from dicomwire._logging import logger, printable
from dicomwire.associations.explanation import uid_name, why_none
from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.dimse.command import Command
from dicomwire.errors import LocalProtocolError
from dicomwire.vocabulary.titles_and_uids import set_uid

if TYPE_CHECKING:
    from dicomwire.associations.association import AssociationBase
    from dicomwire.associations.received import ReceivedMessage
    from dicomwire.upper_layer.connection import Buffer

LOGGER = logger(__name__)

_LITTLE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED)


def require_established(association: AssociationBase) -> None:
    """Raise RuntimeError unless requests can be sent."""
    if not association.is_established:
        why = association.failure or "it was released"
        raise RuntimeError(f"the association is not established: {printable(why, 300)}")


def check_message_id(message_id: int) -> int:
    """Raise TypeError or ValueError unless this is a message ID."""
    if not isinstance(message_id, int):
        raise TypeError(f"a message ID is an int, not {type(message_id).__name__}")
    if not 0 <= message_id <= 0xFFFF:
        raise ValueError(f"message ID {message_id} is not in 0..65535")
    return message_id


def check_priority(priority: int) -> int:
    """Raise ValueError unless this is a priority: 0 medium, 1 high, 2 low."""
    if priority not in (0, 1, 2):
        raise ValueError(f"priority {priority!r} is not 0 (medium), 1 (high) or 2 (low)")
    return int(priority)


class NoContext(ValueError):
    """No accepted presentation context can carry a request."""

    def __init__(self, abstract_syntax: str, message: str) -> None:
        super().__init__(message)
        self.abstract_syntax = abstract_syntax


def choose_context(
    association: AssociationBase,
    abstract_syntax: str,
    transfer_syntax: str | None = None,
    *,
    role: str | None = "scu",
    context_id: int | None = None,
    exact: bool = False,
    classes: tuple[str, ...] | None = None,
) -> NegotiatedContext:
    """The accepted presentation context to send a request on.

    ``classes`` are the abstract syntaxes that will do, the best first; default: just the one.
    The transfer syntax wanted wins; else, unless ``exact``, one that the data set can be converted to: both
    uncompressed and of the same byte order.

    Raises:
        NoContext: there is none.
    """
    found = find_context(
        association, abstract_syntax, transfer_syntax, role=role, context_id=context_id, exact=exact, classes=classes
    )
    if found is None:
        wanted = f" with transfer syntax {_name(transfer_syntax)}" if transfer_syntax else ""
        raise NoContext(
            abstract_syntax,
            f"no presentation context for {_name(abstract_syntax)}{wanted} was accepted by the peer"
            + (f" for the {role.upper()} role" if role else "")
            + f": {why_none(association, abstract_syntax)}",
        )
    return found


def find_context(
    association: AssociationBase,
    abstract_syntax: str,
    transfer_syntax: str | None = None,
    *,
    role: str | None = "scu",
    context_id: int | None = None,
    exact: bool = False,
    classes: tuple[str, ...] | None = None,
) -> NegotiatedContext | None:
    """As :func:`choose_context`, but None if there is no such context."""
    key = classes or abstract_syntax, transfer_syntax, role, context_id, exact
    found = association._chosen.get(key)
    if found is None and key not in association._chosen:
        wanted = classes or (abstract_syntax,)
        found = association._chosen[key] = _find(association, wanted, transfer_syntax, role, context_id, exact)
    return found


def _find(
    association: AssociationBase,
    abstract_syntaxes: tuple[str, ...],
    transfer_syntax: str | None,
    role: str | None,
    context_id: int | None,
    exact: bool,
) -> NegotiatedContext | None:
    candidates = [context for uid in abstract_syntaxes for context in association._accepted(uid)]
    if role is not None:
        candidates = [context for context in candidates if (context.as_scu if role == "scu" else context.as_scp)]
    if context_id is not None:
        candidates = [context for context in candidates if context.context_id == context_id]
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


def _name(uid: str) -> str:
    name = uid_name(uid)
    return uid if name == uid else f"'{name}'"


def command_title(title: str | None) -> str | None:
    """An AE title as it goes into a command set: by default not padded to 16 characters."""
    return title if title is None or _config.USE_SHORT_DIMSE_AET else title.ljust(16)


async def exchange(
    association: AssociationBase, context_id: int, command: Command, data_set: Buffer | None = None
) -> ReceivedMessage | None:
    """Send a request that has one response; the response, or None if the association ended first."""
    message_id = await send_request(association, context_id, command, data_set)
    if message_id is None:
        return None
    with association._exchange:
        return await association._response(message_id)


async def send_request(
    association: AssociationBase, context_id: int, command: Command, data_set: Buffer | None = None
) -> int | None:
    """Send a request once the window lets it through: its message ID, or None if the association ended first."""
    if not association._has_room:
        command = await association._window(command)
    with association._exchange:
        try:
            await association._send(context_id, command, data_set)
        except LocalProtocolError as error:
            lost(association, error)
            return None
    return command.message_id


def check_uid(uid: str, name: str) -> str:
    """Raise TypeError or ValueError unless this can be sent as a UID."""
    return str(set_uid(uid, name, allow_empty=False, allow_none=False))


def lost(association: AssociationBase, error: LocalProtocolError) -> None:
    """A request could not be sent: because the association has ended, or else raise RuntimeError."""
    if association.is_established:
        raise RuntimeError(str(error)) from error
    LOGGER.debug("the association ended before the request was sent: %s", error)
