"""The PDUs of association control that came last: most peers send the same few again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from dicomwire.upper_layer.items import UserIdentityACItem, UserIdentityRQItem
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.pdus import AnyPDU, AssociateAC, AssociateRQ, ReleaseRP, ReleaseRQ, decode_pdu

_MOST = 32
_LONGEST = 16 * 1024
"""Bytes of a PDU; so all of them are half a MiB at the most, whatever peers send."""

_Kept: TypeAlias = AssociateRQ | AssociateAC | ReleaseRQ | ReleaseRP

T = TypeVar("T")

_known: dict[bytes, tuple[Limits, _Kept]] = {}


def decode_remembered(data: bytes, limits: Limits) -> AnyPDU:
    """What :func:`decode_pdu` gives; for an association or release request or its answer that has come before the same
    value, which is frozen.

    With it comes what was worked out of it then.  Who the user is is not kept beyond the association.

    Raises:
        RemoteProtocolError: the bytes are no valid PDU.
    """
    known = _known.get(data)
    if known is not None and known[0] is limits:
        return known[1]
    pdu = decode_pdu(data, limits)
    if isinstance(pdu, _Kept) and len(data) <= _LONGEST and not names_user(pdu):
        if len(_known) >= _MOST:
            _known.clear()
        _known[data] = limits, pdu
    return pdu


def names_user(pdu: _Kept) -> bool:
    """It has items that say who the user is."""
    return isinstance(pdu, AssociateRQ | AssociateAC) and any(
        isinstance(item, UserIdentityRQItem | UserIdentityACItem) for item in pdu.user_information
    )


def derive_from_both(request: AssociateRQ, answer: AssociateAC, work_out: Callable[[AssociateRQ, AssociateAC], T]) -> T:
    """What ``work_out`` makes of a request and its answer, kept with the answer: see :meth:`Deriving.derive`.

    The request is kept with it, so nothing is if that names the user: the answer itself mostly does not, is remembered,
    and would keep a password.
    """
    if names_user(request):
        return work_out(request, answer)
    return answer.derive((work_out, request), lambda: work_out(request, answer))
