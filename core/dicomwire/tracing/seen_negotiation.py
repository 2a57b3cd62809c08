"""What the sides of a recorded association have agreed upon, and how it ended, in words and as values."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field, frozen

from dicomwire._logging import printable
from dicomwire._values import Value
from dicomwire.tracing.dissecting import SeenEvent, SeenPDU
from dicomwire.tracing.trace_records import RecordKind
from dicomwire.upper_layer.items import (
    AsynchronousOperationsWindowItem,
    RoleSelectionItem,
    SOPClassCommonExtendedItem,
    SOPClassExtendedItem,
    UserIdentityACItem,
    UserIdentityRQItem,
)
from dicomwire.upper_layer.pdus import Abort, AssociateAC, AssociateRJ, AssociateRQ, ReleaseRP
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.descriptions import CONTEXT_RESULTS, IDENTITY_TYPES
from dicomwire.vocabulary.titles_and_uids import uid_name

_MOST = 16
"""Entries that are told in words of what a peer can make as long as it likes."""

_BYTES = 32


@frozen(kw_only=True, repr=False, eq=False)
class SeenContext(Value):
    """One presentation context: what was proposed, and what became of it."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    result: int | None = None
    """That of the answer (PS3.8 table 9-18); None if there is none."""

    transfer_syntax: str | None = None
    """The one that was accepted."""

    @property
    def is_accepted(self) -> bool:
        return self.result == 0

    @property
    def outcome(self) -> str:
        """What became of it, in words."""
        if self.is_accepted:
            return f"accepted with {uid_name(self.transfer_syntax or '') or 'no transfer syntax'}"
        if self.result is None:
            return "not answered"
        return CONTEXT_RESULTS.get(self.result, f"unknown result {self.result}")


@define
class SeenNegotiation:
    """Takes what was seen of one association, in order."""

    recorded_by: Role
    request: AssociateRQ | None = None
    answer: AssociateAC | AssociateRJ | Abort | None = None
    end: str = field(default="not ended in this trace", init=False)
    """How it ended, in a few words."""

    _has_ended: bool = field(default=False, init=False)

    def take(self, seen: SeenPDU | SeenEvent) -> None:
        """Look at the next thing that happened."""
        if isinstance(seen, SeenEvent):
            if seen.kind in (RecordKind.RECEIVED_END, RecordKind.CLOSED):
                self._ended(f"closed by the {self.role(seen.kind is RecordKind.CLOSED)} without a release or an abort")
            return
        role = self.role(seen.is_sent)
        match seen.pdu:
            case AssociateRQ() as pdu:
                self.request = self.request or pdu
            case AssociateAC() | AssociateRJ() as pdu:
                self.answer = self.answer or pdu
                if isinstance(pdu, AssociateRJ):
                    self._ended(f"rejected by the {role}: {pdu.reason_str}")
            case Abort() as pdu:
                self.answer = self.answer or pdu
                why = f": {pdu.reason_str}" if pdu.source == 2 else ""
                self._ended(f"aborted by the {role}{why}")
            case ReleaseRP():
                self._ended(f"released by the {self.role(not seen.is_sent)}")

    def role(self, is_recorders: bool) -> str:
        """``"requestor"`` or ``"acceptor"``."""
        return Role.REQUESTOR.value if is_recorders is (self.recorded_by is Role.REQUESTOR) else Role.ACCEPTOR.value

    def _ended(self, how: str) -> None:
        if not self._has_ended:
            self._has_ended, self.end = True, how

    @property
    def contexts(self) -> list[SeenContext]:
        """The proposed contexts in the order of the request."""
        if self.request is None:
            return []
        answer = self.answer
        answered = {cx.context_id: cx for cx in answer.presentation_context} if isinstance(answer, AssociateAC) else {}
        found = []
        for proposed in self.request.presentation_context:
            said = answered.get(proposed.context_id)
            found.append(
                SeenContext(
                    context_id=proposed.context_id,
                    abstract_syntax=proposed.abstract_syntax,
                    transfer_syntaxes=proposed.transfer_syntax,
                    result=said.result if said else None,
                    transfer_syntax=said.transfer_syntax if said and said.result == 0 else None,
                )
            )
        return found

    def words(self) -> list[str]:
        """Sentences; nothing that a peer has said is in them as it is, and no credentials are."""
        return [printable(sentence, 400) for sentence in self._words()]

    def _words(self) -> Iterator[str]:
        request, answer = self.request, self.answer
        if request is None:
            yield "No association request is in this trace."
        else:
            contexts = self.contexts
            calling, called = request.calling_ae_title or "(no title)", request.called_ae_title or "(no title)"
            classes = len({context.abstract_syntax for context in contexts})
            proposed = f"{counted(len(contexts), 'presentation context')} for {counted(classes, 'SOP class', 'es')}"
            yield f"{calling} asks {called} for an association, and proposes {proposed}."
            yield from self._answered(contexts)
            if isinstance(answer, AssociateAC):
                yield from _agreed(request, answer)
            yield from _identity(request, answer)
        yield f"How it ended: {self.end}."

    def _answered(self, contexts: list[SeenContext]) -> Iterator[str]:
        answer = self.answer
        if isinstance(answer, AssociateRJ):
            when = "for good" if answer.result == 1 else "for now: it may work later"
            yield f"It is rejected {when}. Who: {answer.source_str}. Why: {answer.reason_str}."
        elif isinstance(answer, Abort):
            yield f"Instead of an answer it is aborted ({answer.source_str})."
        elif answer is None:
            yield "There is no answer."
        else:
            accepted = sum(context.is_accepted for context in contexts)
            if accepted == len(contexts):
                yield "All of them are accepted." if accepted != 1 else "It is accepted."
            else:
                counts: dict[str, int] = {}
                for context in contexts:
                    if not context.is_accepted:
                        counts[context.outcome] = counts.get(context.outcome, 0) + 1
                why = ", ".join(f"{count} {outcome}" for outcome, count in list(counts.items())[:_MOST])
                yield f"{accepted or 'None'} of them {'is' if accepted < 2 else 'are'} accepted; not accepted: {why}."


def software(pdu: AssociateRQ | AssociateAC) -> str:
    """What somebody is, by its own words."""
    name, uid = pdu.implementation_version_name, pdu.implementation_class_uid
    return " ".join(filter(None, [name, f"({uid})" if uid else ""])) or "unnamed"


def longest(maximum_length: int | None) -> str:
    """How long PDUs may be, in words (PS3.8 D.1)."""
    return f"up to {maximum_length} bytes" if maximum_length else "of any length"


def _agreed(request: AssociateRQ, answer: AssociateAC) -> Iterator[str]:
    yield f"The software of the requestor is {software(request)}, that of the acceptor {software(answer)}."
    takes = f"The requestor takes PDUs {longest(request.maximum_length)}, the acceptor {longest(answer.maximum_length)}"
    yield f"{takes}."
    if request.user_item(AsynchronousOperationsWindowItem) is not None:
        invoked, performed = answer.asynchronous_operations
        both = f"{invoked or 'any number of'} invoked and {performed or 'any number of'} performed"
        yield f"Asynchronous operations: {both} at a time, as the acceptor has it."
    granted = {item.sop_class_uid: item for item in answer.user_items(RoleSelectionItem)}
    for item in request.user_items(RoleSelectionItem)[:_MOST]:
        asked, said = roles(item), granted.get(item.sop_class_uid)
        yield f"{uid_name(item.sop_class_uid)}: the requestor wants to be {asked}; {_granted(said)}."
    answers = {item.sop_class_uid: item for item in answer.user_items(SOPClassExtendedItem)}
    for extended in request.user_items(SOPClassExtendedItem)[:_MOST]:
        reply = answers.get(extended.sop_class_uid)
        said_to_it = (
            "not answered" if reply is None else f"answered {_hex(reply.service_class_application_information)}"
        )
        asked = _hex(extended.service_class_application_information)
        yield f"{uid_name(extended.sop_class_uid)}: extended negotiation {asked}, {said_to_it}."
    for common in request.user_items(SOPClassCommonExtendedItem)[:_MOST]:
        related = len(common.related_general_sop_class_identification)
        of = f"of {uid_name(common.service_class_uid)}, {counted(related, 'related general SOP class', 'es')}"
        yield f"{uid_name(common.sop_class_uid)}: common extended negotiation, {of}."


def _identity(request: AssociateRQ, answer: object) -> Iterator[str]:
    identity = request.user_item(UserIdentityRQItem)
    if identity is None:
        return
    kind = IDENTITY_TYPES.get(identity.user_identity_type, f"something of type {identity.user_identity_type}")
    confirmed = isinstance(answer, AssociateAC) and answer.user_item(UserIdentityACItem) is not None
    asked = "asks for a confirmation" if identity.positive_response_requested else "asks for no confirmation"
    came = "one has come" if confirmed else "none has come"
    yield f"The requestor says who its user is ({kind}, not shown) and {asked}; {came}."


def roles(item: RoleSelectionItem) -> str:
    """``"SCU and SCP"``, or what is left of it."""
    return " and ".join(role for role, on in (("SCU", item.scu_role), ("SCP", item.scp_role)) if on) or "neither"


def _granted(item: RoleSelectionItem | None) -> str:
    return "not answered: it is SCU" if item is None else f"it is {roles(item)}"


def _hex(data: bytes) -> str:
    shown = data[:_BYTES].hex(" ")
    return f"{shown} ..." if len(data) > _BYTES else shown or "(empty)"


def counted(number: int, what: str, plural: str = "s") -> str:
    """``"1 context"``, ``"2 contexts"``."""
    return f"{number} {what if number == 1 else what + plural}"
