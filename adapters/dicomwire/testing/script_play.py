"""What happens when a script is played: what it wants done, and what has come."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias

from attrs import Factory, define, frozen

from dicomwire.dimse.command import Command
from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer.pdus import HEADER, PDU, AssociateRQ, PDataTF, decode_pdu


class ScriptFailed(AssertionError):
    """The other side did something else than the script of a peer says."""


@frozen
class Wanted:
    """So many bytes are wanted; fewer are the end of the stream."""

    count: int


@frozen
class Stall:
    """Nothing happens for so many seconds; None: until the end of the test."""

    seconds: float | None


@frozen
class Hangup:
    """The connection is closed."""


Wish: TypeAlias = bytes | Wanted | Stall | Hangup
"""What a step wants done: bytes sent, or one of the others."""

Doing: TypeAlias = Generator[Wish, bytes, None]


@frozen
class HeardMessage:
    """A whole message that came."""

    context_id: int
    command: Command
    data: bytes | None
    """The data set, encoded; None if there is none."""


@define
class Play:
    """What has happened so far."""

    heard: list[HeardMessage] = Factory(list)
    """Every message that came."""

    pdus: list[bytes] = Factory(list)
    """Every PDU that came."""

    request: AssociateRQ | None = None
    """What the other side has asked for."""

    answer: PDU | None = None
    """What it has answered to ours."""

    def pdu(self) -> Generator[Wish, bytes, PDU | None]:
        """Wait for the next PDU; None is the end of the stream.

        Raises:
            ScriptFailed: it breaks off in the middle, or is none.
        """
        head = yield Wanted(HEADER.size)
        if not head:
            return None
        length = HEADER.unpack(head)[1] if len(head) == HEADER.size else 1
        body = yield Wanted(length)
        if len(body) < length:
            raise ScriptFailed(f"the stream ended behind {len(head) + len(body)} bytes of a PDU")
        self.pdus.append(head + body)
        try:
            return decode_pdu(head + body)
        except RemoteProtocolError as error:
            raise ScriptFailed(f"what came is no PDU: {error}") from None

    def expect(self, *kinds: type[PDU]) -> Generator[Wish, bytes, PDU]:
        """Wait for a PDU of such a kind.

        Raises:
            ScriptFailed: it is another one, or there is none.
        """
        pdu = yield from self.pdu()
        if pdu is None or not isinstance(pdu, kinds):
            came = "the end of the stream" if pdu is None else f"{pdu.name}"
            raise ScriptFailed(f"{' or '.join(kind.name for kind in kinds)} was to come, and {came} came")
        return pdu

    def message(self, first: PDataTF | None = None) -> Generator[Wish, bytes, HeardMessage]:
        """Wait for a whole message; errors of :meth:`expect`."""
        command, data = bytearray(), bytearray()
        decoded: Command | None = None
        pdu: PDU | None = first
        while True:
            if pdu is None:
                pdu = yield from self.expect(PDataTF)
            assert isinstance(pdu, PDataTF)
            for value in pdu.presentation_data_value_items:
                (command if value.is_command else data).extend(value.fragment)
                if not value.is_last:
                    continue
                if value.is_command:
                    decoded = _decoded(bytes(command))
                if decoded is not None and (not value.is_command or not decoded.has_data_set):
                    heard = HeardMessage(value.context_id, decoded, bytes(data) if decoded.has_data_set else None)
                    self.heard.append(heard)
                    return heard
            pdu = None


def _decoded(command: bytes) -> Command:
    try:
        return Command.decode(command)
    except RemoteProtocolError as error:
        raise ScriptFailed(f"what came is no command: {error}") from None
