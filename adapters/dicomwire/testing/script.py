"""What a scripted peer does: steps, which know the bytes of the protocol and nothing of how they travel."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import evolve, frozen

from dicomwire.dimse.command import Command
from dicomwire.testing.script_play import Doing, Hangup, HeardMessage, Play, ScriptFailed, Stall, Wanted, Wish
from dicomwire.upper_layer.items import (
    MaximumLengthItem,
    PresentationContextACItem,
    PresentationContextRQItem,
    RoleSelectionItem,
)
from dicomwire.upper_layer.pdus import (
    Abort,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    PDataTF,
    PresentationDataValue,
    ReleaseRP,
    ReleaseRQ,
)

IMPLICIT = "1.2.840.10008.1.2"
VERIFICATION = "1.2.840.10008.1.1"
_FRAGMENT = 16000
_COMMAND, _LAST = 1, 2
NO_DATA = 0x0101


@frozen
class ScriptStep:
    """One line of a script."""

    name: str
    perform: Callable[[Play], Doing]

    def __str__(self) -> str:
        return self.name


def _value(context_id: int, control: int, fragment: bytes) -> PresentationDataValue:
    return PresentationDataValue(context_id=context_id, control_header=control, fragment=fragment)


def message_bytes(context_id: int, command: Command, data: bytes | None = None) -> bytes:
    """A whole message, encoded in P-DATA-TF PDUs."""
    values = [_value(context_id, _COMMAND | _LAST, command.encode(NO_DATA if data is None else 1))]
    if data is not None:
        pieces = [data[at : at + _FRAGMENT] for at in range(0, len(data), _FRAGMENT)] or [b""]
        values += [_value(context_id, 0, piece) for piece in pieces]
        values[-1] = evolve(values[-1], control_header=_LAST)
    return b"".join(PDataTF(presentation_data_value_items=(value,)).encode() for value in values)


def _step(name: str, *wishes: Wish) -> ScriptStep:
    def perform(play: Play) -> Doing:
        # Not `yield from`: a tuple takes no answers.
        for wish in wishes:  # noqa: UP028
            yield wish

    return ScriptStep(name, perform)


# -- associations --------------------------------------------------------------------------------------------------
def accept(result: int = 0) -> ScriptStep:
    """Wait for an A-ASSOCIATE-RQ, and accept every context with its first transfer syntax, and every role.

    With another ``result`` the association is accepted, and none of its contexts (PS3.8 9.3.3.2): 3 says that the
    abstract syntax is not supported.
    """

    def perform(play: Play) -> Doing:
        request = yield from play.expect(AssociateRQ)
        assert isinstance(request, AssociateRQ)
        play.request = request
        roles = [item for item in request.user_information if isinstance(item, RoleSelectionItem)]
        yield AssociateAC(
            called_ae_title=request.called_ae_title,
            calling_ae_title=request.calling_ae_title,
            presentation_context=tuple(
                PresentationContextACItem(
                    context_id=context.context_id, result=result, transfer_syntax=context.transfer_syntax[0]
                )
                for context in request.presentation_context
            ),
            user_information=(MaximumLengthItem(maximum_length=16382), *roles),
        ).encode()

    return ScriptStep(f"accept({result or ''})", perform)


def reject(result: int = 1, source: int = 1, reason: int = 1) -> ScriptStep:
    """Wait for an A-ASSOCIATE-RQ, and reject it (PS3.8 9.3.4): result, source and reason are those of the PDU."""

    def perform(play: Play) -> Doing:
        request = yield from play.expect(AssociateRQ)
        assert isinstance(request, AssociateRQ)
        play.request = request
        yield AssociateRJ(result=result, source=source, reason_diagnostic=reason).encode()

    return ScriptStep(f"reject({result}, {source}, {reason})", perform)


def associate(
    *abstract_syntaxes: str, called: str = "ANY-SCP", calling: str = "SCRIPT", transfer_syntax: str = IMPLICIT
) -> ScriptStep:
    """Ask for an association, and wait for the acceptance; contexts 1, 3, ..., verification if none is named."""

    def perform(play: Play) -> Doing:
        yield AssociateRQ(
            called_ae_title=called,
            calling_ae_title=calling,
            presentation_context=tuple(
                PresentationContextRQItem(
                    context_id=2 * index + 1, abstract_syntax=uid, transfer_syntax=(transfer_syntax,)
                )
                for index, uid in enumerate(abstract_syntaxes or (VERIFICATION,))
            ),
            user_information=(MaximumLengthItem(maximum_length=16382),),
        ).encode()
        play.answer = yield from play.expect(AssociateAC)

    return ScriptStep("associate()", perform)


def release() -> ScriptStep:
    """Ask for release, and wait for the answer."""

    def perform(play: Play) -> Doing:
        yield ReleaseRQ().encode()
        yield from play.expect(ReleaseRP)

    return ScriptStep("release()", perform)


def released() -> ScriptStep:
    """Wait until release is asked for, and answer."""

    def perform(play: Play) -> Doing:
        yield from play.expect(ReleaseRQ)
        yield ReleaseRP().encode()

    return ScriptStep("released()", perform)


def aborted() -> ScriptStep:
    """Wait for an A-ABORT."""

    def perform(play: Play) -> Doing:
        yield from play.expect(Abort)

    return ScriptStep("aborted()", perform)


def abort(source: int = 0, reason: int = 0) -> ScriptStep:
    """Send an A-ABORT (PS3.8 9.3.8): source 0 is the user, 2 the provider."""
    return _step(f"abort({source}, {reason})", Abort(source=source, reason_diagnostic=reason).encode())


# -- messages ------------------------------------------------------------------------------------------------------
def hear() -> ScriptStep:
    """Wait for a whole message."""

    def perform(play: Play) -> Doing:
        yield from play.message()

    return ScriptStep("hear()", perform)


def response(heard: HeardMessage, status: int, elements: dict[str, object]) -> Command:
    """The response to a request, with this status and these other elements of the command."""
    asked = heard.command
    values: dict[str, object] = {
        "message_id_being_responded_to": asked.message_id,
        "affected_sop_class_uid": asked.affected_sop_class_uid or asked.requested_sop_class_uid,
        "affected_sop_instance_uid": asked.affected_sop_instance_uid or asked.requested_sop_instance_uid,
        "status": status,
        **elements,
    }
    return Command(command_field=asked.command_field | 0x8000, **values)  # type: ignore[arg-type]


def answer(status: int = 0x0000, data: bytes | None = None, **elements: object) -> ScriptStep:
    """Respond to the last message that was heard.

    ``data`` is the encoded data set; ``elements`` are fields of :class:`dicomwire.dimse.Command`.
    """

    def perform(play: Play) -> Doing:
        if not play.heard:
            raise ScriptFailed("there is nothing to be answered: hear() comes first")
        heard = play.heard[-1]
        yield message_bytes(heard.context_id, response(heard, status, elements), data)

    return ScriptStep(f"answer(0x{status:04X})", perform)


def ask(command: Command, data: bytes | None = None, context_id: int = 1) -> ScriptStep:
    """Send a request, with its encoded data set if it has one; hear() is what follows."""
    return _step("ask()", message_bytes(context_id, command, data))


def echo(message_id: int = 1) -> ScriptStep:
    """Send a C-ECHO, and wait for the response."""
    command = Command(command_field=0x0030, message_id=message_id, affected_sop_class_uid=VERIFICATION)

    def perform(play: Play) -> Doing:
        yield message_bytes(1, command)
        yield from play.message()

    return ScriptStep("echo()", perform)


def serve(status: int = 0x0000) -> ScriptStep:
    """Answer every request with this status, until release is asked for, or the other side aborts or closes."""

    def perform(play: Play) -> Doing:
        while (pdu := (yield from play.pdu())) is not None:
            if isinstance(pdu, PDataTF):
                heard = yield from play.message(pdu)
                if heard.command.message_id is not None:
                    yield message_bytes(heard.context_id, response(heard, status, {}))
            elif isinstance(pdu, ReleaseRQ):
                yield ReleaseRP().encode()
                return
            else:
                return

    return ScriptStep(f"serve(0x{status:04X})", perform)


# -- bytes and time ------------------------------------------------------------------------------------------------
def send(data: bytes) -> ScriptStep:
    """Send these bytes, whatever they are."""
    return _step(f"send({data[:8].hex(' ')}...)" if len(data) > 8 else f"send({data.hex(' ')})", data)


def part(step: ScriptStep, count: int) -> ScriptStep:
    """Of what a step sends, only so many bytes, and then close: in the middle of a PDU."""

    def perform(play: Play) -> Doing:
        doing, back, left = step.perform(play), b"", count
        try:
            wish = next(doing)
            while True:
                if isinstance(wish, bytes):
                    wish, left = wish[:left], left - len(wish)
                back = yield wish
                if left <= 0:
                    break
                wish = doing.send(back)
        except StopIteration:
            pass
        yield Hangup()

    return ScriptStep(f"part({step}, {count})", perform)


def stall(seconds: float | None = None) -> ScriptStep:
    """Send nothing and read nothing for so many seconds; without a number until the end of the test."""
    return _step(f"stall({'' if seconds is None else seconds})", Stall(seconds))


def close() -> ScriptStep:
    """Close the connection."""
    return _step("close()", Hangup())


def ended() -> ScriptStep:
    """Read up to the end of the stream, whatever comes."""

    def perform(play: Play) -> Doing:
        while (yield Wanted(1)):
            pass

    return ScriptStep("ended()", perform)


def wishes(steps: Iterable[ScriptStep], play: Play) -> Doing:
    """All that a script wants done, one after the other.

    Raises:
        ScriptFailed: the other side does something else; it says at which step.
    """
    for number, step in enumerate(steps, 1):
        try:
            yield from step.perform(play)
        except ScriptFailed as failed:
            raise ScriptFailed(f"step {number}, {step}: {failed}") from None
