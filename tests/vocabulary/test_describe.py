import logging
from collections.abc import Iterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom.dataset import Dataset

from dicomwire import _config, events as evt
from dicomwire._handlers import STANDARD_HANDLERS
from dicomwire._logging import debug_logger, printable
from dicomwire.compat import pdu as documented, pdu_items
from dicomwire.dimse.command import Command
from dicomwire.dimse_messages import from_command
from dicomwire.dsutils import encode
from dicomwire.presentation import build_context
from dicomwire.upper_layer import items, pdus
from dicomwire.vocabulary.descriptions import describe, describe_command, describe_uid

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
IMPLICIT = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
EVIL = "X\r\nI: forged\x1b[2J\u202e"

HANDLERS = dict(STANDARD_HANDLERS)


# -- printable --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("STORESCP", "STORESCP"),
        ("Müller^日本", "Müller^日本"),
        ("a\r\nb\0\x1b\u202e", r"a\r\nb\x00\x1b\u202e"),
        ("\ud800", r"\ud800"),
        (b"A\n\xff", "A\\nÿ"),
        (12, "12"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 61 + "..."),
    ],
)
def test_text_of_a_peer_is_escaped_and_capped(value: object, shown: str) -> None:
    assert printable(value) == shown


@given(st.text(alphabet=st.characters(), max_size=300), st.integers(3, 100))
def test_printable_text_is_one_short_line_whatever_it_is_made_of(text: str, length: int) -> None:
    shown = printable(text, length)
    assert shown.isprintable()
    assert len(shown) <= length


# -- PDUs -------------------------------------------------------------------------------------------------------------
def request(**changes: Any) -> pdus.AssociateRQ:
    values: dict[str, Any] = {
        "called_ae_title": "ACCEPTOR",
        "calling_ae_title": "REQUESTOR",
        "presentation_context": (
            items.PresentationContextRQItem(context_id=1, abstract_syntax=VERIFICATION, transfer_syntax=(IMPLICIT,)),
        ),
    }
    return pdus.AssociateRQ(**(values | changes))


def test_a_request_is_described_in_full() -> None:
    user_information = (
        items.MaximumLengthItem(maximum_length=0),
        items.ImplementationClassUIDItem(implementation_class_uid="1.2.3"),
        items.AsynchronousOperationsWindowItem(
            maximum_number_operations_invoked=5, maximum_number_operations_performed=0
        ),
        items.RoleSelectionItem(sop_class_uid=CT, scu_role=False, scp_role=True),
        items.ImplementationVersionNameItem(implementation_version_name="PEER_10"),
        items.SOPClassExtendedItem(sop_class_uid=CT, service_class_application_information=b"\1\2"),
        items.SOPClassCommonExtendedItem(
            sop_class_uid=CT, service_class_uid="1.2.4", related_general_sop_class_identification=("1.2.5",)
        ),
        items.UnknownItem(0x60, b"abc"),
    )
    pdu = request(user_information=user_information, unknown_items=(items.UnknownItem(0x99, b""),))
    assert describe(pdu).splitlines() == [
        f"A-ASSOCIATE-RQ, {pdu.pdu_length} bytes",
        "  Called AE title: ACCEPTOR",
        "  Calling AE title: REQUESTOR",
        "  Protocol version: 0x0001",
        "  Application context: DICOM Application Context Name (1.2.840.10008.3.1.1.1)",
        "  Presentation contexts: 1",
        f"    1: Verification SOP Class ({VERIFICATION})",
        f"      Implicit VR Little Endian ({IMPLICIT})",
        "  User information: 8 items",
        "    Maximum length: no limit",
        "    Implementation class UID: 1.2.3",
        "    Asynchronous operations: 5 invoked, any number performed",
        f"    Role selection: CT Image Storage ({CT}): SCP",
        "    Implementation version name: PEER_10",
        f"    SOP class extended negotiation: CT Image Storage ({CT})",
        "      2 bytes: 01 02",
        f"    SOP class common extended negotiation: CT Image Storage ({CT})",
        "      Service class: 1.2.4",
        "      Related: 1.2.5",
        "    Unknown item 0x60 of 3 bytes",
        "  Unknown item 0x99 of 0 bytes",
    ]


def test_an_acceptance_is_described_by_its_results() -> None:
    pdu = pdus.AssociateAC(
        called_ae_title="ACCEPTOR",
        calling_ae_title="REQUESTOR",
        presentation_context=tuple(
            items.PresentationContextACItem(context_id=2 * result + 1, result=result, transfer_syntax=IMPLICIT)
            for result in range(6)
        ),
    )
    text = describe(pdu)
    assert "1: accepted with Implicit VR Little Endian" in text
    assert "3: rejected by the user" in text
    assert "5: rejected by the provider" in text
    assert "7: abstract syntax not supported" in text
    assert "9: transfer syntaxes not supported" in text
    assert "11: unknown result 5" in text


@pytest.mark.parametrize(
    ("pdu", "text"),
    [
        (
            pdus.AssociateRJ(result=1, source=1, reason_diagnostic=7),
            "A-ASSOCIATE-RJ, 4 bytes\n  Result: 1 Rejected Permanent\n  Source: 1 Service User\n"
            "  Reason: 7 Called AE title not recognised",
        ),
        (pdus.ReleaseRQ(), "A-RELEASE-RQ, 4 bytes"),
        (pdus.ReleaseRP(), "A-RELEASE-RP, 4 bytes"),
        (
            pdus.Abort(source=2, reason_diagnostic=2),
            "A-ABORT, 4 bytes\n  Source: 2 DUL service-provider\n  Reason: 2 Unexpected PDU",
        ),
        (
            pdus.PDataTF(
                presentation_data_value_items=(
                    pdus.PresentationDataValue(1, 3, b"abc"),
                    pdus.PresentationDataValue(3, 0, b""),
                )
            ),
            "P-DATA-TF, 15 bytes\n  Context 1: command fragment of 3 bytes, last\n"
            "  Context 3: data set fragment of 0 bytes",
        ),
    ],
    ids=["rj", "release-rq", "release-rp", "abort", "p-data"],
)
def test_the_other_pdus_are_described(pdu: pdus.AnyPDU, text: str) -> None:
    assert describe(pdu) == text


def test_a_user_identity_is_never_shown() -> None:
    identities = (
        items.UserIdentityRQItem(user_identity_type=2, primary_field=b"NAME", secondary_field=b"PASSWORD"),
        items.UserIdentityRQItem(user_identity_type=9, primary_field=b"NAME", positive_response_requested=True),
        items.UserIdentityACItem(server_response=b"PASSWORD"),
        items.UnknownItem(0x5A, b"PASSWORD"),
    )
    text = describe(request(user_information=identities))
    lines = [line.strip() for line in text.splitlines()]
    assert "User identity: user name and password (not shown)" in lines
    assert "User identity response (not shown)" in lines
    assert "User identity: unknown type 9 (not shown), response requested" in text
    for secret in ("NAME", "PASSWORD", b"NAME".hex(), b"PASSWORD".hex(" ")):
        assert secret not in text


def test_a_peer_cannot_forge_lines_of_a_description() -> None:
    context = items.PresentationContextRQItem(context_id=1, abstract_syntax=EVIL, transfer_syntax=(EVIL, "9" * 1000))
    information = (
        items.ImplementationVersionNameItem(implementation_version_name=EVIL),
        items.RoleSelectionItem(sop_class_uid=EVIL, scu_role=False, scp_role=False),
        items.SOPClassExtendedItem(sop_class_uid=EVIL, service_class_application_information=bytes(5000)),
    )
    lines = describe(
        request(
            called_ae_title=b"A\nB".ljust(16),
            application_context_name=EVIL,
            presentation_context=(context,),
            user_information=information,
        )
    ).splitlines()
    assert len(lines) == 14
    assert all(line.isprintable() and len(line) < 200 for line in lines)
    assert lines[1] == r"  Called AE title: A\nB"


def test_endless_lists_of_a_peer_are_cut() -> None:
    uids = tuple(f"1.2.{number}" for number in range(1000))
    item = items.SOPClassCommonExtendedItem(
        sop_class_uid=CT, service_class_uid="1.2", related_general_sop_class_identification=uids
    )
    assert len(describe(request(user_information=(item,))).splitlines()) < 150


@pytest.mark.parametrize(
    ("uid", "text"), [(VERIFICATION, f"Verification SOP Class ({VERIFICATION})"), ("1.2.3", "1.2.3"), ("", "(none) ()")]
)
def test_a_uid_is_described_by_its_name(uid: str, text: str) -> None:
    assert describe_uid(uid) == text


def test_of_extended_negotiation_64_bytes_are_shown_and_of_roles_those_that_are_asked_for() -> None:
    roles = [(True, True), (True, False), (False, True), (False, False)]
    information = [
        items.SOPClassExtendedItem(sop_class_uid=CT, service_class_application_information=bytes(65)),
        *(items.RoleSelectionItem(sop_class_uid="1.2", scu_role=scu, scp_role=scp) for scu, scp in roles),
    ]
    lines = [line.strip() for line in describe(request(user_information=tuple(information))).splitlines()]
    assert [line.rpartition(": ")[2] for line in lines if line.startswith("Role selection")] == [
        "SCU and SCP",
        "SCU",
        "SCP",
        "no role",
    ]
    (shown,) = [line for line in lines if line.startswith("65 bytes: ")]
    assert shown.endswith("...")


def test_a_command_set_is_described_by_its_elements() -> None:
    command = Command(
        command_field=0x8110,
        message_id_being_responded_to=5,
        affected_sop_class_uid=CT,
        status=0x0107,
        error_comment=EVIL,
        attribute_identifier_list=(0x00100010, 0x00100020),
    )
    assert describe_command(command).splitlines() == [
        "N-GET-RSP",
        f"  AffectedSOPClassUID: CT Image Storage ({CT})",
        "  CommandField: 0x8110",
        "  MessageIDBeingRespondedTo: 5",
        "  CommandDataSetType: 0x0101",
        "  Status: 0x0107",
        r"  ErrorComment: X\r\nI: forged\x1b[2J\u202e",
        "  AttributeIdentifierList: (0010,0010), (0010,0020)",
    ]
    assert describe_command(Command(command_field=0x1234)).startswith("unknown message 0x1234")


# -- documented names -------------------------------------------------------------------------------------------------
def test_the_documented_pdu_names_are_our_classes() -> None:
    assert {name: getattr(documented, name).pdu_type for name in documented.__all__} == {
        "A_ASSOCIATE_RQ": 0x01,
        "A_ASSOCIATE_AC": 0x02,
        "A_ASSOCIATE_RJ": 0x03,
        "P_DATA_TF": 0x04,
        "A_RELEASE_RQ": 0x05,
        "A_RELEASE_RP": 0x06,
        "A_ABORT_RQ": 0x07,
    }
    assert documented.A_ASSOCIATE_RQ is pdus.AssociateRQ


def test_the_documented_item_names_are_our_classes() -> None:
    assert pdu_items.PresentationContextItemRQ is items.PresentationContextRQItem
    assert all(isinstance(getattr(pdu_items, name), type) for name in pdu_items.__all__)


# -- the standard handlers --------------------------------------------------------------------------------------------
@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "dicomwire")
    return caplog


def lines(log: pytest.LogCaptureFixture, level: int) -> list[str]:
    assert all(record.name == "dicomwire" for record in log.records)
    return [line for record in log.records if record.levelno == level for line in record.message.splitlines()]


def happen(event: evt.NotificationEvent, **attributes: Any) -> None:
    contexts = [build_context(STUDY_ROOT_FIND, syntax) for syntax in (IMPLICIT, DEFLATED)]
    for context_id, context in zip((5, 9), contexts, strict=True):
        context.context_id = context_id
    sides = SimpleNamespace(requestor=SimpleNamespace(said=request()))
    association = SimpleNamespace(accepted_contexts=contexts, line=SimpleNamespace(sides=sides))
    HANDLERS[event](SimpleNamespace(event=event, assoc=association, **attributes))


def test_the_standard_handlers_are_bound_to_pdus_and_messages() -> None:
    assert [event for event, _ in STANDARD_HANDLERS] == [
        evt.EVT_DIMSE_RECV,
        evt.EVT_DIMSE_SENT,
        evt.EVT_PDU_RECV,
        evt.EVT_PDU_SENT,
    ]


@pytest.mark.parametrize(
    ("pdu", "text"),
    [
        (request(calling_ae_title=b"A\nB"), r"Association request received: A\nB calls ACCEPTOR"),
        (pdus.AssociateAC(called_ae_title="A", calling_ae_title="B"), "Association acceptance received"),
        (
            pdus.AssociateRJ(result=1, source=1, reason_diagnostic=7),
            "Association rejection received: Rejected Permanent, Service User, Called AE title not recognised",
        ),
        (pdus.ReleaseRQ(), "Release request received"),
        (pdus.ReleaseRP(), "Release response received"),
        (pdus.Abort(source=0), "Abort received: DUL service-user, No reason given"),
    ],
    ids=["rq", "ac", "rj", "release-rq", "release-rp", "abort"],
)
def test_association_progress_is_logged(log: pytest.LogCaptureFixture, pdu: pdus.AnyPDU, text: str) -> None:
    happen(evt.EVT_PDU_RECV, pdu=pdu)
    assert lines(log, logging.INFO) == [text]
    assert lines(log, logging.DEBUG) == describe(pdu).splitlines()
    assert len(log.records) == 2
    log.clear()
    happen(evt.EVT_PDU_SENT, pdu=pdu)
    assert lines(log, logging.INFO) == [text.replace("received", "sent")]


def test_a_refused_context_is_named_in_the_dump_of_an_acceptance(log: pytest.LogCaptureFixture) -> None:
    asked = request()
    first = asked.presentation_context[0]
    refused = items.PresentationContextACItem(context_id=first.context_id, result=3, transfer_syntax=None)
    answer = pdus.AssociateAC(called_ae_title="A", calling_ae_title="B", presentation_context=(refused,))
    happen(evt.EVT_PDU_RECV, pdu=answer)
    name = describe_uid(first.abstract_syntax)
    assert f"    {first.context_id}: {name}: abstract syntax not supported" in lines(log, logging.DEBUG)


def test_data_pdus_are_not_logged(log: pytest.LogCaptureFixture) -> None:
    happen(evt.EVT_PDU_RECV, pdu=pdus.PDataTF(presentation_data_value_items=()))
    assert not log.records


def test_details_are_left_out_above_debug(log: pytest.LogCaptureFixture) -> None:
    log.set_level(logging.INFO, "dicomwire")
    happen(evt.EVT_PDU_RECV, pdu=request())
    happen(evt.EVT_DIMSE_SENT, message=from_command(1, Command(command_field=0x0030, message_id=4)))
    assert lines(log, logging.INFO) == [
        "Association request received: REQUESTOR calls ACCEPTOR",
        "C-ECHO-RQ sent: message ID 4, context 1",
    ]
    assert len(log.records) == 2


def test_nothing_is_made_of_a_message_that_is_not_logged(log: pytest.LogCaptureFixture) -> None:
    log.set_level(logging.WARNING, "dicomwire")
    happen(evt.EVT_DIMSE_SENT, message=None)


def test_a_message_is_logged_with_its_elements(log: pytest.LogCaptureFixture) -> None:
    command = Command(command_field=0x8001, message_id_being_responded_to=4, status=0xA700, error_comment=EVIL)
    happen(evt.EVT_DIMSE_RECV, message=from_command(1, command))
    assert lines(log, logging.INFO) == ["C-STORE-RSP received: message ID 4, context 1, status 0xA700 (Failure)"]
    assert lines(log, logging.DEBUG) == describe_command(command).splitlines()[1:]


def test_a_streamed_data_set_is_mentioned(log: pytest.LogCaptureFixture) -> None:
    command = Command(command_field=0x0001, message_id=4, command_data_set_type=1)
    happen(evt.EVT_DIMSE_RECV, message=from_command(1, command))
    happen(evt.EVT_DIMSE_RECV, message=from_command(1, command, b"SECRET"))
    assert lines(log, logging.INFO) == [
        "C-STORE-RQ received: message ID 4, context 1, data set",
        "C-STORE-RQ received: message ID 4, context 1, data set of 6 bytes",
    ]
    assert "SECRET" not in log.text


def query(name: str = "Doe^Jane", *, command_field: int = 0x0020, context_id: int = 5) -> Any:
    identifier = Dataset()
    identifier.PatientName = name
    data = encode(identifier, is_implicit_vr=True, is_little_endian=True)
    command = Command(command_field=command_field, message_id=1, command_data_set_type=1)
    return from_command(context_id, command, data)


@pytest.mark.parametrize(
    ("command_field", "option"),
    [
        (0x0020, "LOG_REQUEST_IDENTIFIERS"),
        (0x0010, "LOG_REQUEST_IDENTIFIERS"),
        (0x0021, "LOG_REQUEST_IDENTIFIERS"),
        (0x8020, "LOG_RESPONSE_IDENTIFIERS"),
        (0x8010, "LOG_RESPONSE_IDENTIFIERS"),
        (0x8021, "LOG_RESPONSE_IDENTIFIERS"),
    ],
)
@pytest.mark.parametrize("event", [evt.EVT_DIMSE_RECV, evt.EVT_DIMSE_SENT])
def test_identifiers_are_logged_at_debug_if_configured(
    log: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    event: evt.NotificationEvent,
    command_field: int,
    option: str,
) -> None:
    message = query(command_field=command_field)
    for name in ("LOG_REQUEST_IDENTIFIERS", "LOG_RESPONSE_IDENTIFIERS"):
        monkeypatch.setattr(_config, name, name == option)
    happen(event, message=message)
    assert any("Doe^Jane" in line for line in lines(log, logging.DEBUG))
    assert not any("Doe^Jane" in line for line in lines(log, logging.INFO))
    log.clear()
    monkeypatch.setattr(_config, option, False)
    happen(event, message=message)
    assert log.records
    assert "Doe^Jane" not in log.text


def test_data_sets_of_other_messages_are_not_logged(log: pytest.LogCaptureFixture) -> None:
    happen(evt.EVT_DIMSE_RECV, message=query(command_field=0x0001))
    happen(evt.EVT_DIMSE_RECV, message=query(command_field=0x0140))
    assert "Doe^Jane" not in log.text


def test_logging_an_identifier_leaves_it_to_be_read(log: pytest.LogCaptureFixture) -> None:
    message = query()
    happen(evt.EVT_DIMSE_RECV, message=message)
    assert isinstance(message.data_set, BytesIO)
    assert message.data_set.tell() == 0


def test_an_identifier_cannot_forge_log_lines(log: pytest.LogCaptureFixture) -> None:
    happen(evt.EVT_DIMSE_RECV, message=query("A\nI: forged"))
    assert r"A\nI: forged" in log.text
    assert not [line for line in lines(log, logging.DEBUG) if line.startswith("I: forged")]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (query(context_id=7), "Identifier (its presentation context is unknown)"),
        (query(context_id=9), "Identifier (cannot be decoded: BrokenDataSet)"),
    ],
    ids=["context", "bytes"],
)
def test_an_identifier_that_cannot_be_decoded_does_no_harm(
    log: pytest.LogCaptureFixture, message: Any, text: str
) -> None:
    happen(evt.EVT_DIMSE_RECV, message=message)
    assert lines(log, logging.DEBUG)[-1] == text


def test_a_long_identifier_is_cut(log: pytest.LogCaptureFixture) -> None:
    identifier = Dataset()
    for element in range(1000):
        identifier.add_new(0x00091000 + element, "UN", b"x")
    data = encode(identifier, is_implicit_vr=True, is_little_endian=True)
    happen(evt.EVT_DIMSE_RECV, message=from_command(5, Command(command_field=0x0020, message_id=1), data))
    assert len(log.records) == 3
    assert len(lines(log, logging.DEBUG)) < 600
    assert lines(log, logging.DEBUG)[-1] == "(489 more lines)"


# -- debug_logger -----------------------------------------------------------------------------------------------------
@pytest.fixture
def package_logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("dicomwire")
    before = logger.level, logger.handlers[:]
    yield logger
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]


def test_the_debug_logger_writes_each_line_once_to_standard_error(
    package_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    debug_logger()
    debug_logger()
    assert package_logger.level == logging.DEBUG
    assert len(package_logger.handlers) == 1
    logging.getLogger("dicomwire.events").debug("one %s", "line")
    logging.getLogger("dicomwire").warning("two")
    assert capsys.readouterr().err == "D: one line\nW: two\n"


def test_the_package_has_a_handler_that_writes_nothing() -> None:
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("dicomwire").handlers)
