"""The sections of a conformance statement about one application entity (PS3.2)."""

from __future__ import annotations

from attrs import asdict

from dicomwire import _config
from dicomwire.associations import events as evt
from dicomwire.associations.admission import (
    ANOTHER_APPLICATION,
    CALLED_BY_A_STRANGER,
    CALLED_SOMEBODY_ELSE,
    NOT_IDENTIFIED,
    TOO_MANY,
)
from dicomwire.compat.negotiation_items import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from dicomwire.conformance.described_entity import DescribedEntity
from dicomwire.conformance.statement_blocks import Paragraph, Part, Section, Table
from dicomwire.conformance.statement_contexts import (
    RoledContext,
    SyntaxLists,
    accepted_contexts,
    context_table,
    proposed_contexts,
    service_sections,
)
from dicomwire.upper_layer.indications import VERSION_REFUSAL
from dicomwire.upper_layer.pdus import APPLICATION_CONTEXT_NAME, AssociateRJ
from dicomwire.upper_layer.reasons import AbortReason, RejectResult, RejectSource, diagnostic_words
from dicomwire.vocabulary.titles_and_uids import uid_name
from dicomwire.vocabulary.tls_profiles import PROFILES, TLSProfile

_IDENTITIES = {
    1: "a user name",
    2: "a user name and a password",
    3: "a Kerberos service ticket",
    4: "a SAML assertion",
    5: "a JSON web token",
}


def specification(entity: DescribedEntity) -> Section:
    """Everything about one AE."""
    lists = SyntaxLists()
    proposed, accepted = proposed_contexts(entity), accepted_contexts(entity)
    parts: list[Part] = [_sop_classes(proposed, accepted), _policies(entity, proposed, accepted)]
    if proposed:
        parts.append(_initiation(entity, proposed, lists))
    if accepted:
        parts.append(_acceptance(entity, accepted, lists))
    parts += [_configuration(entity), _security(entity)]
    if (listed := lists.section()) is not None:
        parts.append(listed)
    name = entity.name or entity.ae.ae_title.strip()
    return Section(f"{name} application entity specification", tuple(parts))


# -- SOP classes ---------------------------------------------------------------------------------------------------
def _sop_classes(proposed: list[RoledContext], accepted: list[RoledContext]) -> Section:
    roles: dict[str, set[str]] = {}
    for item in (*proposed, *accepted):
        ours = roles.setdefault(item.uid, set())
        ours |= {role for role, is_it in (("SCU", item.is_scu), ("SCP", item.is_scp)) if is_it}
    if not roles:
        return Section("SOP classes", (Paragraph("None: no presentation contexts are configured."),))
    rows = tuple(
        (uid_name(uid), uid, *("yes" if role in ours else "no" for role in ("SCU", "SCP")))
        for uid, ours in roles.items()
    )
    parts: list[Part] = [Table(("SOP class", "UID", "SCU", "SCP"), rows)]
    if accepted and _config.UNRESTRICTED_STORAGE_SERVICE:
        parts.append(Paragraph("Beside these, every storage, private and unknown SOP class is accepted for storage."))
    return Section("SOP classes", tuple(parts))


# -- association policies ------------------------------------------------------------------------------------------
def _policies(entity: DescribedEntity, proposed: list[RoledContext], accepted: list[RoledContext]) -> Section:
    ae = entity.ae
    general = [
        ("Application context name", APPLICATION_CONTEXT_NAME),
        ("Maximum length received, as acceptor (bytes; 0: no limit)", str(ae.maximum_pdu_size)),
        ("Initiates associations", _yes(bool(proposed))),
        ("Accepts associations", _yes(bool(accepted))),
    ]
    counts: list[tuple[str, str]] = []
    if proposed:
        counts.append(("Associations as requestor", "as many as the program asks for"))
    if accepted:
        counts += [
            ("Associations as acceptor at the same time", str(ae.maximum_associations)),
            ("Connections without an association", str(ae.maximum_half_open)),
            ("The same from one address", str(ae.maximum_half_open_per_address)),
        ]
    identity = [
        ("Implementation class UID", str(ae.implementation_class_uid)),
        ("Implementation version name", ae.implementation_version_name or "not sent"),
    ]
    return Section(
        "Association policies",
        (
            Section("General", (Table(("What", "Value"), tuple(general)),)),
            Section("Number of associations", (_pairs(counts),)),
            Section("Asynchronous nature", _asynchronous(entity)),
            Section("Implementation identifying information", (_pairs(identity),)),
        ),
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _pairs(rows: list[tuple[str, str]]) -> Table | Paragraph:
    return Table(("What", "Value"), tuple(rows)) if rows else Paragraph("None.")


def _operations(count: int) -> str:
    return "without limit" if count == 0 else str(count)


def _asynchronous(entity: DescribedEntity) -> tuple[Part, ...]:
    ours = entity.ae.asynchronous_operations
    for item in entity.negotiation:
        if isinstance(item, AsynchronousOperationsWindowNegotiation):
            ours = (item.maximum_number_operations_invoked, item.maximum_number_operations_performed)
    if ours == (1, 1):
        text = "Not asynchronous: one operation at a time each way."
    else:
        text = "Asynchronous operations are negotiated (PS3.7 D.3.3.3); a peer that does not answer gets one at a time."
    rows = [
        ("Operations invoked at once", _operations(ours[0])),
        ("Operations performed at once", _operations(ours[1])),
    ]
    more = (
        [Paragraph("A handler decides on the window that a peer proposes.")]
        if entity.handles(evt.EVT_ASYNC_OPS)
        else []
    )
    return (Paragraph(text), _pairs(rows), *more)


# -- as requestor --------------------------------------------------------------------------------------------------
def _initiation(entity: DescribedEntity, contexts: list[RoledContext], lists: SyntaxLists) -> Section:
    extended = {
        str(item.sop_class_uid): "application information "
        + (item.service_class_application_information or b"").hex(" ")
        for item in entity.negotiation
        if isinstance(item, SOPClassExtendedNegotiation)
    }
    for item in entity.negotiation:
        if isinstance(item, SOPClassCommonExtendedNegotiation):
            said = f"common: service class {item.service_class_uid}"
            uid = str(item.sop_class_uid)
            extended[uid] = f"{extended[uid]}; {said}" if uid in extended else said
    return Section(
        "Association initiation policy",
        (
            Paragraph(
                "An association is requested when the program asks for one, for the operations that it asks for, and "
                "released by it. What a peer does not accept is not used, and the reason is told."
            ),
            Section("Proposed presentation contexts", (context_table(contexts, lists, extended),)),
            Section("SOP specific conformance", service_sections(entity, contexts)),
        ),
    )


# -- as acceptor ---------------------------------------------------------------------------------------------------
def _acceptance(entity: DescribedEntity, contexts: list[RoledContext], lists: SyntaxLists) -> Section:
    asked = "a handler answers" if entity.handles(evt.EVT_SOP_EXTENDED) else "none"
    if entity.handles(evt.EVT_SOP_COMMON):
        asked = "common: a handler answers" if asked == "none" else f"{asked}, common too"
    extended = {item.uid: asked for item in contexts}
    return Section(
        "Association acceptance policy",
        (
            _whom(entity),
            Section("Rejections", (_rejections(entity),)),
            Section("Aborts", (_aborts(),)),
            Section("Accepted presentation contexts", (context_table(contexts, lists, extended),)),
            Section("SOP specific conformance", service_sections(entity, contexts)),
        ),
    )


def _whom(entity: DescribedEntity) -> Section:
    ae, allowed = entity.ae, entity.ae.allowed
    titles = [*ae.require_calling_aet, *(allowed.calling_ae_titles if allowed is not None else ())]
    networks = [str(network) for network in allowed.networks] if allowed is not None else []
    rows = [
        ("Called AE title", f"must be {ae.ae_title.strip()}" if ae.require_called_aet else "any"),
        ("Calling AE titles", ", ".join(dict.fromkeys(titles)) or "any"),
        ("Networks", ", ".join(networks) or "any"),
        ("A hook of the program's is asked", _yes(allowed is not None and allowed.hook is not None)),
        ("Proxies say for whom they connect", _yes(ae.proxy_protocol is not None)),
    ]
    return Section("Who is accepted", (_pairs(rows),))


def _rejections(entity: DescribedEntity) -> Table:
    ae = entity.ae
    found = [(VERSION_REFUSAL, "bit 0 of the protocol version is not set")]
    found.append((TOO_MANY, f"{ae.maximum_associations} associations are running"))
    if _config.ENFORCE_UID_CONFORMANCE:
        found.append((ANOTHER_APPLICATION, "the application context is another one"))
    if ae.require_called_aet:
        found.append((CALLED_SOMEBODY_ELSE, "the called AE title is not ours"))
    if ae.require_calling_aet or (ae.allowed is not None and ae.allowed.calling_ae_titles):
        found.append((CALLED_BY_A_STRANGER, "the calling AE title is none of those above"))
    if entity.handles(evt.EVT_USER_ID):
        found.append((NOT_IDENTIFIED, "the handler does not accept the identity of the user"))
    rows = tuple((*_rejection(refusal), when) for refusal, when in found)
    return Table(("Result", "Source", "Reason", "When"), rows)


def _rejection(pdu: AssociateRJ) -> tuple[str, str, str]:
    return (
        f"{int(pdu.result)} ({RejectResult.words_of(pdu.result)})",
        f"{int(pdu.source)} ({RejectSource.words_of(pdu.source)})",
        f"{int(pdu.reason_diagnostic)} ({diagnostic_words(pdu.source, pdu.reason_diagnostic)})",
    )


def _aborts() -> Table:
    rows = tuple((f"{int(reason)} ({reason.words})",) for reason in AbortReason)
    return Table(("Reasons of A-ABORT by the service provider, as the peer's PDU deserves",), rows)


# -- timeouts, limits, security ------------------------------------------------------------------------------------
def _configuration(entity: DescribedEntity) -> Section:
    timeouts = tuple(
        (name, "none" if value is None else f"{value:g}") for name, value in asdict(entity.ae.timeouts).items()
    )
    limits = tuple((name.replace("_", " "), _limit(value)) for name, value in asdict(entity.ae.limits).items())
    return Section(
        "Configuration",
        (
            Section("Timeouts", (Table(("Phase", "Seconds"), timeouts),)),
            Section("Limits", (Table(("What a peer may make us hold or do", "Value"), limits),)),
        ),
    )


def _limit(value: object) -> str:
    return {None: "none", False: "no", True: "yes"}[value] if value is None or isinstance(value, bool) else str(value)


def _security(entity: DescribedEntity) -> Section:
    if entity.tls is None:
        parts: list[Part] = [
            Paragraph("Connections are in the clear as configured here. TLS may be used with these profiles of PS3.15:")
        ]
        profiles: tuple[TLSProfile, ...] = PROFILES
    else:
        parts = [Paragraph(f"Connections use TLS with the profile {entity.tls} of PS3.15.")]
        profiles = (entity.tls,)
    rows = tuple(
        (profile.section, profile.name, ".".join(map(str, profile.minimum_version)), ", ".join(profile.ciphers))
        for profile in profiles
    )
    parts.append(Table(("Section", "Profile", "TLS from", "Cipher suites of TLS 1.2"), rows))
    return Section(
        "Security", (Section("Secure transport", tuple(parts)), Section("User identity", (_identities(entity),)))
    )


def _identities(entity: DescribedEntity) -> Paragraph:
    said = []
    for item in entity.negotiation:
        if isinstance(item, UserIdentityNegotiation):
            wanted = ", and a positive response is needed" if item.positive_response_requested else ""
            said.append(f"As requestor {_IDENTITIES.get(item.user_identity_type or 0, 'an identity')} is sent{wanted}.")
    if not said:
        said.append("As requestor none is sent.")
    if entity.handles(evt.EVT_USER_ID):
        said.append("As acceptor a handler judges every kind that PS3.7 D.3.3.7 has.")
    else:
        said.append("As acceptor an identity is neither judged nor answered.")
    return Paragraph(" ".join(said))
