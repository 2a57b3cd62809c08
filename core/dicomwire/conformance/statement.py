"""A whole conformance statement (PS3.2)."""

from __future__ import annotations

from collections.abc import Sequence

from dicomwire._implementation import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION
from dicomwire._version import __version__
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.conformance.described_entity import DescribedEntity
from dicomwire.conformance.statement_blocks import Paragraph, Section, Statement, Table
from dicomwire.conformance.statement_contexts import accepted_contexts, by_service, proposed_contexts, service_name
from dicomwire.conformance.statement_sections import specification
from dicomwire.conformance.statuses_given import shown_table
from dicomwire.data.character_sets import DEFINED_TERMS, LATIN_1, UNICODE
from dicomwire.vocabulary.statuses import GENERAL_STATUS


def conformance_statement(
    *entities: DescribedEntity | ApplicationEntityBase, title: str = "DICOM conformance statement"
) -> Statement:
    """What these AEs conform to, in the form of PS3.2: networking only, as there are no media.

    Raises:
        ValueError: there is none.
    """
    described = [DescribedEntity(ae=each) if isinstance(each, ApplicationEntityBase) else each for each in entities]
    if not described:
        raise ValueError("a conformance statement is about one application entity at least")
    parts = (
        _overview(described),
        _introduction(),
        Section(
            "Networking",
            (
                _model(described),
                Section("AE specifications", tuple(map(specification, described))),
                _status_codes(),
                _interfaces(),
            ),
        ),
        Section("Media interchange", (Paragraph("None."),)),
        _character_sets(),
    )
    return Statement(title, parts)


def _overview(entities: Sequence[DescribedEntity]) -> Section:
    rows = []
    for entity in entities:
        services: dict[str, set[str]] = {}
        for item in (*proposed_contexts(entity), *accepted_contexts(entity)):
            for service in by_service([item]):
                services.setdefault(service_name(service), set()).update(
                    role for role, is_it in (("SCU", item.is_scu), ("SCP", item.is_scp)) if is_it
                )
        for name, roles in services.items():
            rows.append((_name(entity), name, *("yes" if role in roles else "no" for role in ("SCU", "SCP"))))
    text = (
        "Which services of DICOM each application entity uses and provides over a network. That two statements fit is "
        "needed for systems to work together, and not enough: they have to be tested with each other."
    )
    table = Table(("Application entity", "Service class", "SCU", "SCP"), tuple(rows))
    return Section("Overview", (Paragraph(text), table))


def _introduction() -> Section:
    rows = (
        ("Product", "dicomwire"),
        ("Version", __version__),
        ("Implementation class UID", IMPLEMENTATION_UID),
        ("Implementation version name", IMPLEMENTATION_VERSION),
    )
    text = "Made of the configuration of the program. Values that programs set when they run may differ."
    return Section("Introduction", (Paragraph(text), Table(("What", "Value"), rows)))


def _name(entity: DescribedEntity) -> str:
    return entity.name or entity.ae.ae_title.strip()


def _model(entities: Sequence[DescribedEntity]) -> Section:
    rows = []
    for entity in entities:
        initiates, accepts = bool(entity.proposes()), bool(entity.takes())
        does = [
            verb for verb, is_it in (("requests associations", initiates), ("accepts associations", accepts)) if is_it
        ]
        rows.append(
            (_name(entity), entity.ae.ae_title.strip(), " and ".join(does) or "neither requests nor accepts any")
        )
    return Section("Implementation model", (Table(("Application entity", "AE title", "What it does"), tuple(rows)),))


def _status_codes() -> Section:
    text = (
        "Of every service, as SCU. A status is handed to the program with its code, Error Comment and Offending "
        "Element. After one of the category Pending the next response is waited for, every other one ends the "
        "operation. What is neither here nor in the table of its service is judged by the range that it is in."
    )
    return Section(
        "General status codes",
        (Paragraph(text), Table(("Code", "Category", "Meaning"), tuple(shown_table(GENERAL_STATUS)))),
    )


def _interfaces() -> Section:
    text = (
        "The DICOM upper layer protocol over TCP/IP (PS3.8), with IPv4 and IPv6, in the clear or over TLS. Which "
        "physical network it is does not matter."
    )
    return Section("Network interfaces", (Paragraph(text),))


def _character_sets() -> Section:
    text = (
        "Text is sent in the Specific Character Set that its data set states, with code extensions where it has "
        "several values. Where none is stated and there is text beyond ASCII, "
        f"{LATIN_1} is, or {UNICODE} if that is not enough. "
        "What was received and not looked at is passed on as it came. Beside the default repertoire these are known:"
    )
    return Section(
        "Support of character sets",
        (Paragraph(text), Table(("Defined term",), tuple((term,) for term in DEFINED_TERMS))),
    )
