"""``assoc.acse``, ``assoc.dimse`` and ``assoc.dul``: what programs use of the machinery behind an association."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomwire.upper_layer.pdus import Abort, AssociateRJ
from dicomwire.upper_layer.reasons import NO_VALUE, AbortReason, AbortSource, RejectResult, diagnostic_words

if TYPE_CHECKING:
    from dicomwire.associations.association_engine import AssociationEngine


class ACSE:
    """Association control with codes of one's own."""

    def __init__(self, association: AssociationEngine) -> None:
        self._association = association

    def send_abort(self, source: int) -> None:
        """Abort at once, without waiting: source 0 is the user, 2 the provider (PS3.8 9.3.8); `ValueError`."""
        if source not in list(AbortSource):
            raise ValueError(f"the source of an abort is 0 or 2, not {source!r}")
        self._association._abandon_now(Abort(source=source))

    def send_ap_abort(self, reason: int) -> None:
        """Abort at once as the provider, for a reason of PS3.8 9.3.8; `ValueError`."""
        if reason not in list(AbortReason):
            raise ValueError(f"the reason of a provider's abort is one of {tuple(AbortReason)}, not {reason!r}")
        self._association._abandon_now(Abort(source=AbortSource.PROVIDER, reason_diagnostic=reason))

    def send_reject(self, result: int, source: int, diagnostic: int) -> None:
        """Reject the request, in a handler of ``EVT_REQUESTED``; the codes are those of PS3.8 9.3.4; `ValueError`.

        `LocalProtocolError` if there is no request to be answered.
        """
        if NO_VALUE in (RejectResult.words_of(result), diagnostic_words(source, diagnostic)):
            raise ValueError(f"{result!r}, {source!r}, {diagnostic!r} are no result, source and diagnostic")
        self._association._refuse_now(AssociateRJ(result=result, source=source, reason_diagnostic=diagnostic))


class DIMSE:
    """Messages made by hand."""

    def __init__(self, association: Any) -> None:
        self._association = association

    def send_msg(self, primitive: Any, context_id: int) -> Any:
        """Send a primitive of :mod:`dicomwire.dimse_primitives`: a response if it names the message it responds to.

        To be awaited in the adapters with event loops.  Responses to a request sent so are told of by
        ``EVT_DIMSE_RECV`` only.  `LocalProtocolError` if it cannot be sent now.
        """
        from dicomwire.compat.dimse_primitives import to_command

        command, data = to_command(primitive)
        return self._association._face(self._association._send_by_hand(context_id, command, data))


class DULSocket:
    """Where the socket is found."""

    def __init__(self, association: AssociationEngine) -> None:
        self._association = association

    @property
    def socket(self) -> Any:
        """The socket of the association, for reading its options or its peer's certificate; None without one."""
        channel = self._association._channel
        return None if channel is None else channel.transport_socket


class DUL:
    """The upper layer, as far as anybody looks."""

    def __init__(self, association: AssociationEngine) -> None:
        self.socket: DULSocket = DULSocket(association)
