"""``assoc.acse``, ``assoc.dimse`` and ``assoc.dul``: what programs use of the machinery behind an association."""

from __future__ import annotations

from typing import Any

from dicomwire.associations.association_control import Control
from dicomwire.associations.invoking import Invoker
from dicomwire.associations.line import Line
from dicomwire.compat.dimse_primitives import to_command
from dicomwire.upper_layer.pdus import Abort, AssociateRJ
from dicomwire.upper_layer.reasons import NO_VALUE, AbortReason, AbortSource, RejectResult, diagnostic_words


class ACSE:
    """Association control with codes of one's own."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def send_abort(self, source: int) -> None:
        """Abort at once, without waiting: source 0 is the user, 2 the provider (PS3.8 9.3.8); `ValueError`."""
        if source not in list(AbortSource):
            raise ValueError(f"the source of an abort is 0 or 2, not {source!r}")
        self._control.abort_now(Abort(source=source))

    def send_ap_abort(self, reason: int) -> None:
        """Abort at once as the provider, for a reason of PS3.8 9.3.8; `ValueError`."""
        if reason not in list(AbortReason):
            raise ValueError(f"the reason of a provider's abort is one of {tuple(AbortReason)}, not {reason!r}")
        self._control.abort_now(Abort(source=AbortSource.PROVIDER, reason_diagnostic=reason))

    def send_reject(self, result: int, source: int, diagnostic: int) -> None:
        """Reject the request, in a handler of ``EVT_REQUESTED``; the codes are those of PS3.8 9.3.4; `ValueError`.

        `LocalProtocolError` if there is no request to be answered.
        """
        if NO_VALUE in (RejectResult.words_of(result), diagnostic_words(source, diagnostic)):
            raise ValueError(f"{result!r}, {source!r}, {diagnostic!r} are no result, source and diagnostic")
        self._control.reject_now(AssociateRJ(result=result, source=source, reason_diagnostic=diagnostic))


class DIMSE:
    """Messages made by hand."""

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker

    def send_msg(self, primitive: Any, context_id: int) -> Any:
        """Send a primitive of :mod:`dicomwire.dimse_primitives`: a response if it names the message it responds to.

        To be awaited in the adapters with event loops.  Responses to a request sent so are told of by
        ``EVT_DIMSE_RECV`` only.  `LocalProtocolError` if it cannot be sent now.
        """
        command, data = to_command(primitive)
        return self._invoker.line.host.face(self._invoker.send_by_hand(context_id, command, data))


class DULSocket:
    """Where the socket is found."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @property
    def socket(self) -> Any:
        """The socket of the association, for reading its options or its peer's certificate; None without one."""
        return self._line.channel.transport_socket if self._line.standing.was_opened else None


class DUL:
    """The upper layer, as far as anybody looks."""

    def __init__(self, line: Line) -> None:
        self.socket: DULSocket = DULSocket(line)
