"""The identifiers of C-FIND, C-GET and C-MOVE in the log: whether they are shown, and their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomwire import _config
from dicomwire.associations import events as evt
from dicomwire.compat.dimse_messages import Message
from dicomwire.dimse.messages import C_FIND_RQ, C_GET_RQ, C_MOVE_RQ, RESPONSE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_QUERIES = (C_FIND_RQ, C_GET_RQ, C_MOVE_RQ)


def shows_identifier(command_field: int) -> bool:
    """Whether the log shows the identifiers of such messages; ``_config`` says so of requests and of responses."""
    if command_field & ~RESPONSE not in _QUERIES:
        return False
    return _config.LOG_RESPONSE_IDENTIFIERS if command_field & RESPONSE else _config.LOG_REQUEST_IDENTIFIERS


def identifier_lines(event: evt.Event, message: Message) -> list[str]:
    """The identifier for people, as a peer chose it: neither escaped nor cut yet.

    Without ``_config.LOG_PATIENT_DATA`` only which elements it has.
    """
    contexts = (cx.transfer_syntax for cx in event.assoc.accepted_contexts if cx.context_id == message.context_id)
    syntaxes: list[Any] = next(contexts, [])
    if not syntaxes:
        return ["Identifier (its presentation context is unknown)"]
    return data_set_lines("Identifier", message.data, syntaxes[0], with_values=_config.LOG_PATIENT_DATA)


def data_set_lines(what: str, data: Any, transfer_syntax: str, *, with_values: bool) -> list[str]:
    """A data set for people, under the name ``what``; without values only which elements it has."""
    from dicomwire.data.data_sets import decode_data_set
    from dicomwire.data.dsutils import pretty_dataset
    from dicomwire.upper_layer.pdus import DEFAULT_LIMITS

    try:
        data_set = decode_data_set(data, transfer_syntax, bounds=DEFAULT_LIMITS.of_identifiers)
        lines = pretty_dataset(data_set, 1) if with_values else _elements(data_set)
    except Exception as exc:  # a peer made it, and the log must not fail for that
        return [f"{what} (cannot be decoded: {type(exc).__name__})"]
    return [what, *lines]


def _elements(data_set: Dataset) -> list[str]:
    """Which elements there are, without their values."""
    from pydicom.datadict import keyword_for_tag

    return [f"  {tag} {keyword_for_tag(tag)} (not shown)" for tag in sorted(data_set.keys())]
