"""What operations check before anything is sent."""

from __future__ import annotations

from dicomwire import _config
from dicomwire.vocabulary.titles_and_uids import set_uid


def check_message_id(message_id: int) -> int:
    """Raise TypeError or ValueError unless this is a message ID."""
    if type(message_id) is not int and not isinstance(message_id, int):
        raise TypeError(f"a message ID is an int, not {type(message_id).__name__}")
    if not 0 <= message_id <= 0xFFFF:
        raise ValueError(f"message ID {message_id} is not in 0..65535")
    return message_id


def check_request(message_id: int, priority: int) -> None:
    """Raise TypeError or ValueError unless these are a message ID, and a priority: 0 medium, 1 high, 2 low."""
    if type(message_id) is not int or not 0 <= message_id <= 0xFFFF:
        check_message_id(message_id)
    if priority not in (0, 1, 2):
        raise ValueError(f"priority {priority!r} is not 0 (medium), 1 (high) or 2 (low)")


def check_uid(uid: str, name: str) -> str:
    """Raise TypeError or ValueError unless this can be sent as a UID."""
    return str(set_uid(uid, name, allow_empty=False, allow_none=False))


def command_title(title: str | None) -> str | None:
    """An AE title as it goes into a command set: by default not padded to 16 characters."""
    return title if title is None or _config.USE_SHORT_DIMSE_AET else title.ljust(16)
