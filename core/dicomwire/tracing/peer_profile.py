"""What an acceptor supports and refuses, learned from associations that it was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define, field

from dicomwire._logging import printable
from dicomwire.tracing.deviations import Deviation
from dicomwire.tracing.explanations import ExplainedAssociation, deviation_values, folded, lint
from dicomwire.tracing.seen_negotiation import SeenContext, counted, longest, roles, software
from dicomwire.upper_layer.items import AsynchronousOperationsWindowItem, RoleSelectionItem, SOPClassExtendedItem
from dicomwire.upper_layer.pdus import AssociateAC
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.descriptions import CONTEXT_RESULTS
from dicomwire.vocabulary.probe_plan import services
from dicomwire.vocabulary.titles_and_uids import uid_name


@define
class PeerProfile:
    """What an acceptor supports and refuses, from the associations that it was asked for."""

    connections: int = 0
    acceptances: list[AssociateAC] = field(factory=list)
    accepted: dict[str, set[str]] = field(factory=dict)
    """Transfer syntaxes by abstract syntax."""

    refused: dict[str, int | None] = field(factory=dict)
    """The result by abstract syntax, of those never accepted; None: not answered."""

    alone: dict[str, dict[str, bool]] = field(factory=dict)
    """Whether transfer syntaxes that were proposed by themselves were accepted, by abstract syntax."""

    roles: dict[str, str] = field(factory=dict)
    extended: dict[str, str] = field(factory=dict)
    window: tuple[int, int] | None = None
    """Operations invoked and performed, if it answers that it can have several at a time."""

    ends: list[str] = field(factory=list)
    """Of associations that were not accepted."""

    deviations: dict[str, Deviation] = field(factory=dict)

    def take(self, association: ExplainedAssociation) -> None:
        """Learn from one more association, of which this peer was the acceptor."""
        self.connections += 1
        for found in association.deviations:
            if found.role is Role.ACCEPTOR:
                self.deviations.setdefault(found.what, found)
        answer, request = association.negotiation.answer, association.negotiation.request
        if not isinstance(answer, AssociateAC) or request is None:
            self.ends.append(association.negotiation.end)
            return
        self.acceptances.append(answer)
        for context in association.negotiation.contexts:
            self._context(context)
        answered = {item.sop_class_uid: roles(item) for item in answer.user_items(RoleSelectionItem)}
        for role in request.user_items(RoleSelectionItem):
            self.roles[role.sop_class_uid] = answered.get(role.sop_class_uid, "not answered: SCU alone")
        replies = {item.sop_class_uid: item for item in answer.user_items(SOPClassExtendedItem)}
        for asked in request.user_items(SOPClassExtendedItem):
            reply = replies.get(asked.sop_class_uid)
            said = "not answered" if reply is None else reply.service_class_application_information[:32].hex(" ")
            self.extended[asked.sop_class_uid] = said
        if answer.user_item(AsynchronousOperationsWindowItem) is not None:
            self.window = answer.asynchronous_operations

    def _context(self, context: SeenContext) -> None:
        uid = context.abstract_syntax
        if len(context.transfer_syntaxes) == 1:
            self.alone.setdefault(uid, {})[context.transfer_syntaxes[0]] = context.is_accepted
        if context.is_accepted:
            self.accepted.setdefault(uid, set()).add(context.transfer_syntax or "")
            self.refused.pop(uid, None)
            return
        if uid not in self.accepted:
            self.refused.setdefault(uid, context.result)


def profile(associations: Iterable[ExplainedAssociation]) -> PeerProfile:
    """What the acceptor of all of them supports."""
    made = PeerProfile()
    for association in associations:
        made.take(association)
    return made


def explain_peer(peer: PeerProfile, where: str, echo: str, left_out: str = "") -> Iterator[str]:
    """Lines of at most 80 columns; ``echo`` is what became of a C-ECHO, ``left_out`` what was not asked."""
    yield from folded(f"{where}, asked in {counted(peer.connections, 'connection')}", "")
    for end in dict.fromkeys(peer.ends):
        yield from folded(f"An association was {end}.")
    if peer.acceptances:
        first = peer.acceptances[0]
        yield from folded(f"Software: {software(first)}")
        yield from folded(f"Takes PDUs {longest(first.maximum_length)}.")
        yield from folded(f"C-ECHO: {echo}")
        yield from folded(f"Asynchronous operations: {_window(peer.window)}")
        yield from _services(peer)
        yield from _transfer_syntaxes(peer)
        yield from _pairs("Roles that it grants who wants to be SCU and SCP", peer.roles)
        yield from _pairs("Extended negotiation (sent 01 01 01 01 01)", peer.extended)
    yield from lint(peer.deviations.values())
    if left_out:
        yield from folded(f"Not asked: {left_out}")


def peer_as_values(peer: PeerProfile, echo: str, left_out: str = "") -> dict[str, Any]:
    """The same as values that JSON has."""
    first = peer.acceptances[0] if peer.acceptances else None
    return {
        "connections": peer.connections,
        "not_accepted": [printable(end, 200) for end in peer.ends],
        "software": printable(software(first), 100) if first else None,
        "maximum_length": first.maximum_length if first else None,
        "echo": echo,
        "asynchronous_operations": peer.window,
        "accepted": {printable(uid): sorted(map(printable, found)) for uid, found in peer.accepted.items()},
        "refused": {printable(uid): result for uid, result in peer.refused.items()},
        "transfer_syntaxes_alone": peer.alone,
        "roles": peer.roles,
        "extended_negotiation": peer.extended,
        "deviations": [*map(deviation_values, peer.deviations.values())],
        "not_asked": left_out,
    }


def _window(window: tuple[int, int] | None) -> str:
    if window is None:
        return "not answered, so one at a time"
    invoked, performed = (number or "any number" for number in window)
    return f"{invoked} invoked, {performed} performed at a time"


def _services(peer: PeerProfile) -> Iterator[str]:
    """A line for each service: all of it, nothing of it, or whichever list is shorter."""
    yield from folded(f"Supports {counted(len(peer.accepted), 'SOP class', 'es')}, refuses {len(peer.refused)}:")
    for name, classes in services().items():
        asked = [uid for uid in classes if uid in peer.accepted or uid in peer.refused]
        accepted, refused = (
            [uid for uid in asked if uid in peer.accepted],
            [uid for uid in asked if uid in peer.refused],
        )
        if not asked:
            said = "not asked"
        elif not refused:
            said = "yes" if len(accepted) == 1 else f"yes, all {len(accepted)}"
        elif not accepted:
            said = f"no: {_reasons(peer, refused)}"
        elif len(refused) < len(accepted):
            said = f"{len(accepted)} of {len(asked)}, not {_names(refused)}: {_reasons(peer, refused)}"
        else:
            said = f"{len(accepted)} of {len(asked)}: {_names(accepted)}"
        yield from folded(f"{name}: {said}", "    ")


def _names(uids: Iterable[str]) -> str:
    return "; ".join(sorted(map(uid_name, uids)))


def _reasons(peer: PeerProfile, uids: list[str]) -> str:
    results = {peer.refused[uid] for uid in uids}
    return ", ".join(
        "not answered" if result is None else CONTEXT_RESULTS.get(result, f"unknown result {result}")
        for result in sorted(results, key=lambda result: -1 if result is None else result)
    )


def _transfer_syntaxes(peer: PeerProfile) -> Iterator[str]:
    """Of classes that were asked for with each transfer syntax by itself."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for uid, found in peer.alone.items():
        grouped.setdefault(tuple(syntax for syntax, is_accepted in found.items() if is_accepted), []).append(uid)
    for accepted, uids in grouped.items():
        others = len(peer.alone[uids[0]]) - len(accepted)
        yield from folded(f"{_names(uids)}, each transfer syntax by itself:")
        yield from folded(f"takes {_names(accepted) or 'none'}", "    ")
        yield from folded(f"refuses the {others} others that are known" if others else "refuses none", "    ")


def _pairs(heading: str, found: dict[str, str]) -> Iterator[str]:
    grouped: dict[str, list[str]] = {}
    for uid, what in found.items():
        grouped.setdefault(what, []).append(uid_name(uid))
    if grouped:
        yield from folded(f"{heading}:")
    for what, names in grouped.items():
        yield from folded(f"{what}: {'; '.join(names)}", "    ")
