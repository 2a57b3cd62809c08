"""What can go wrong between two protocol machines, and with what they bring."""

from __future__ import annotations


class ProtocolError(Exception):
    """Base of the two ways to break the protocol."""


class LocalProtocolError(ProtocolError):
    """Our caller asked for something the standard forbids now.

    Nothing was sent and the state did not change.
    """


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol.

    The A-ABORT to answer with is already queued when this reaches the caller.  ``source`` and ``reason``
    are its codes (PS3.8 table 9-26; :mod:`dicomwire.upper_layer.reasons`): source 0 before an association exists,
    else 2.  The default reason is that a value is wrong.
    """

    def __init__(self, message: str, *, source: int = 2, reason: int = 6) -> None:
        super().__init__(message)
        self.source = source
        self.reason = reason


class BrokenDataSet(ValueError):
    """A data set that cannot be decoded, whatever is wrong with it: the one error of all that look into one.

    It is cut off or damaged, has sequences nested deeper than ``Limits.nesting``, or becomes longer when inflated than
    ``Limits`` allow.  ``__cause__`` is what pydicom raised, if it was pydicom that found it.
    """
