"""The parts of a conformance statement that are about presentation contexts, service by service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import define, field, frozen

from dicomwire.associations import events as evt
from dicomwire.conformance.described_entity import DescribedEntity
from dicomwire.conformance.statement_blocks import Paragraph, Part, Section, Table
from dicomwire.conformance.statuses_given import (
    beside_general,
    event_of,
    given_by_library,
    in_words,
    is_event,
    operation_name,
    shown_table,
)
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.served_sop_classes import uid_to_messages, uid_to_service_class
from dicomwire.vocabulary.service_classes import ServiceClass
from dicomwire.vocabulary.titles_and_uids import uid_name


@frozen
class RoledContext:
    """A context, and what we are in it."""

    context: PresentationContext
    is_scu: bool
    is_scp: bool

    @property
    def uid(self) -> str:
        """The SOP class."""
        return str(self.context.abstract_syntax or "")

    @property
    def role(self) -> str:
        """As statements say it."""
        return " and ".join(role for role, is_it in (("SCU", self.is_scu), ("SCP", self.is_scp)) if is_it) or "none"


def proposed_contexts(entity: DescribedEntity) -> list[RoledContext]:
    """As requestor: SCU, unless role selection says something else (PS3.7 D.3.3.4)."""
    roles = entity.wished_roles()
    return [
        RoledContext(context, *roles.get(str(context.abstract_syntax), (True, False))) for context in entity.proposes()
    ]


def accepted_contexts(entity: DescribedEntity) -> list[RoledContext]:
    """As acceptor: SCP, and what requestors may be is what we are the other end of."""
    found = []
    for context in entity.takes():
        takes_part = context.scu_role is not None and context.scp_role is not None
        is_scu, is_scp = (bool(context.scp_role), bool(context.scu_role)) if takes_part else (False, True)
        found.append(RoledContext(context, is_scu, is_scp))
    return found


@define
class SyntaxLists:
    """Names for lists of transfer syntaxes, as the same ones are those of many contexts."""

    known: dict[tuple[str, ...], str] = field(factory=dict)

    def name(self, context: PresentationContext) -> str:
        """What the list of a context is called; one that is alone is said as it is."""
        uids = tuple(map(str, context.transfer_syntax))
        if len(uids) == 1:
            return _named(uids[0])
        return self.known.setdefault(uids, f"list {len(self.known) + 1}")

    def section(self) -> Section | None:
        """What is in the lists; None without any."""
        if not self.known:
            return None
        rows = [
            (name, str(place), uid_name(uid), uid)
            for uids, name in self.known.items()
            for place, uid in enumerate(uids, 1)
        ]
        return Section(
            "Lists of transfer syntaxes",
            (
                Paragraph(
                    "In order of preference: of those that are proposed, an acceptor takes the first of its own."
                ),
                Table(("List", "Place", "Transfer syntax", "UID"), tuple(rows)),
            ),
        )


def _named(uid: str) -> str:
    name = uid_name(uid)
    return uid if name == uid else f"{name} ({uid})"


def context_table(contexts: Iterable[RoledContext], lists: SyntaxLists, extended: Mapping[str, str]) -> Table:
    """A presentation context table (PS3.2)."""
    rows = tuple(
        (uid_name(item.uid), item.uid, lists.name(item.context), item.role, extended.get(item.uid, "none"))
        for item in contexts
    )
    return Table(("Abstract syntax", "UID", "Transfer syntaxes", "Role", "Extended negotiation"), rows)


def service_name(service_class: type[ServiceClass]) -> str:
    """The name of a service class in words."""
    words = service_class.__name__.removesuffix("ServiceClass") or "Unknown"
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", words)


def by_service(contexts: Sequence[RoledContext]) -> dict[type[ServiceClass], list[RoledContext]]:
    """Contexts by the service class of their SOP class, in their order."""
    found: dict[type[ServiceClass], list[RoledContext]] = {}
    for item in contexts:
        found.setdefault(uid_to_service_class(item.uid), []).append(item)
    return found


def service_sections(entity: DescribedEntity, contexts: Sequence[RoledContext]) -> tuple[Section, ...]:
    """A section for each service: its operations, the status codes it gives as SCP and understands as SCU."""
    return tuple(_service(entity, service, items) for service, items in by_service(contexts).items())


def _service(entity: DescribedEntity, service: type[ServiceClass], items: Sequence[RoledContext]) -> Section:
    operations = sorted({message for item in items for message in uid_to_messages(item.uid)})
    parts: list[Part] = [
        Paragraph(
            f"{len({item.uid for item in items})} SOP classes. "
            f"Operations: {', '.join(map(operation_name, operations)) or 'those of its own SCP'}."
        )
    ]
    is_scu, is_scp = any(item.is_scu for item in items), any(item.is_scp for item in items)
    performed = [each for each in operations if (is_scu if is_event(each) else is_scp)]
    invoked = [each for each in operations if (is_scp if is_event(each) else is_scu)]
    parts += [_given(entity, service, operation) for operation in performed]
    parts += _understood(service, invoked)
    return Section(f"{service_name(service)} service class", tuple(parts))


def _given(entity: DescribedEntity, service: type[ServiceClass], operation: int) -> Section:
    """What is answered to a request."""
    table, event, name = service(None).statuses_for(operation), event_of(operation), operation_name(operation)
    if entity.handles(event):
        handler = f"A handler of {event.name} decides; it may give every code that the service has."
    elif event == evt.EVT_C_ECHO:
        handler = "No handler is needed: the answer is Success."
    else:
        handler = f"No handler of {event.name} is named here: what it gives is told by whoever binds one."
    rows = tuple(
        (f"0x{given.code:04X}", *in_words(given.code, table), given.when) for given in given_by_library(operation)
    )
    return Section(
        f"{name}: status codes given",
        (Paragraph(f"{handler} By itself the library answers:"), Table(("Code", "Category", "Meaning", "When"), rows)),
    )


def _understood(service: type[ServiceClass], operations: Sequence[int]) -> list[Section]:
    """What is made of the answers to our requests; operations with one table are told of together."""
    groups: dict[tuple[tuple[str, str, str], ...], list[str]] = {}
    for operation in operations:
        rows = tuple(shown_table(beside_general(service(None).statuses_for(operation))))
        groups.setdefault(rows, []).append(operation_name(operation))
    sections = []
    for rows, names in groups.items():
        known: Part = Table(("Code", "Category", "Meaning"), rows)
        if not rows:
            known = Paragraph("The general status codes, and none beside them.")
        sections.append(Section(f"{', '.join(names)}: status codes understood", (known,)))
    return sections
