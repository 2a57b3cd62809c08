"""Associations that ask a peer what it supports, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from attrs import define, field

from dicomwire.apps._common.connecting import associate, category, finish
from dicomwire.apps._common.options import User
from dicomwire.blocking import Association
from dicomwire.compat.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    NegotiationItem,
    SOPClassExtendedNegotiation,
)
from dicomwire.tracing.explanations import explained
from dicomwire.tracing.trace_files import TraceFile, read_trace
from dicomwire.upper_layer.pdus import AssociateAC
from dicomwire.vocabulary.contexts import build_context, build_role
from dicomwire.vocabulary.probe_plan import VERIFICATION, Proposal, agreements, sop_classes, transfer_syntaxes

_EVERYTHING = b"\1\1\1\1\1"
"""Of queries: relational, date and time together, fuzzy names, time zones, views (PS3.4 C.5.1.1, C.5.2.1)."""


@define
class Probe:
    """Asks until all is known, or the connections are used up."""

    user: User
    trace: TraceFile
    """Where the ``user`` has it recorded."""

    connections: int
    """So many at most."""

    logger: logging.Logger
    accepted: set[str] = field(factory=set)
    """Abstract syntaxes that were accepted."""

    echo: str = "not asked: verification was not accepted"
    left_out: list[str] = field(factory=list)
    """What was not asked, as there were no connections left."""

    _used: int = 0

    def run(self) -> bool:
        """Ask; False if the first request was not accepted, and there is nothing to be known."""
        for what, proposals, items in self._questions():
            if self._used == self.connections:
                self.left_out.append(what)
                continue
            if not proposals:
                continue
            self._used += 1
            is_answered = self._ask(proposals, items)
            if not is_answered and self._used == 1:
                return False
        return True

    def _questions(self) -> Iterator[tuple[str, list[Proposal], Sequence[NegotiationItem]]]:
        for number, proposals in enumerate(sop_classes(), 1):
            yield f"SOP classes, part {number}", proposals, ()
        yield "transfer syntaxes", transfer_syntaxes(self.accepted), ()
        proposals, stored, queries = agreements(self.accepted)
        yield "roles, extended negotiation and asynchronous operations", proposals, _items(stored, queries)

    def _ask(self, proposals: list[Proposal], items: Sequence[NegotiationItem]) -> bool:
        contexts = [build_context(uid, list(syntaxes)) for uid, syntaxes in proposals]
        level = logging.ERROR if self._used == 1 else logging.INFO
        association = associate(self.user, contexts, self.logger, negotiation=items, level=level)
        if association is None:
            return self._was_answered()
        self.accepted.update(str(context.abstract_syntax) for context in association.accepted_contexts)
        if self._used == 1 and VERIFICATION in self.accepted:
            self.echo = _echo(association)
        return finish(association, self.logger, association.release)

    def _was_answered(self) -> bool:
        """The last association was accepted, though none of its contexts was."""
        recorded = read_trace(self.trace.path).associations
        return bool(recorded) and isinstance(explained(recorded[-1]).negotiation.answer, AssociateAC)


def _echo(association: Association) -> str:
    code = association.send_c_echo().get("Status")
    return "no answer" if code is None else f"status 0x{code:04X} ({category(code)})"


def _items(stored: list[str], queries: list[str]) -> list[NegotiationItem]:
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 8
    items: list[NegotiationItem] = [window, *(build_role(uid, scu_role=True, scp_role=True) for uid in stored)]
    for uid in queries:
        extended = SOPClassExtendedNegotiation()
        extended.sop_class_uid = uid
        extended.service_class_application_information = _EVERYTHING
        items.append(extended)
    return items
