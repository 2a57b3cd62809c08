"""The elements of group 0000 (PS3.7 annex E)."""

from __future__ import annotations

from attrs import frozen

from dicomwire._values import Value


@frozen(repr=False, eq=False)
class Element(Value):
    """One command element: its tag, DICOM keyword, VR, and the field of ``Command`` that holds it."""

    number: int
    """The element part of the tag; the group is 0000."""

    keyword: str
    vr: str
    field: str


ELEMENTS = tuple(
    Element(number, keyword, vr, field)
    for number, keyword, vr, field in (
        (0x0002, "AffectedSOPClassUID", "UI", "affected_sop_class_uid"),
        (0x0003, "RequestedSOPClassUID", "UI", "requested_sop_class_uid"),
        (0x0100, "CommandField", "US", "command_field"),
        (0x0110, "MessageID", "US", "message_id"),
        (0x0120, "MessageIDBeingRespondedTo", "US", "message_id_being_responded_to"),
        (0x0600, "MoveDestination", "AE", "move_destination"),
        (0x0700, "Priority", "US", "priority"),
        (0x0800, "CommandDataSetType", "US", "command_data_set_type"),
        (0x0900, "Status", "US", "status"),
        (0x0901, "OffendingElement", "AT", "offending_element"),
        (0x0902, "ErrorComment", "LO", "error_comment"),
        (0x0903, "ErrorID", "US", "error_id"),
        (0x1000, "AffectedSOPInstanceUID", "UI", "affected_sop_instance_uid"),
        (0x1001, "RequestedSOPInstanceUID", "UI", "requested_sop_instance_uid"),
        (0x1002, "EventTypeID", "US", "event_type_id"),
        (0x1005, "AttributeIdentifierList", "AT", "attribute_identifier_list"),
        (0x1008, "ActionTypeID", "US", "action_type_id"),
        (0x1020, "NumberOfRemainingSuboperations", "US", "number_of_remaining_suboperations"),
        (0x1021, "NumberOfCompletedSuboperations", "US", "number_of_completed_suboperations"),
        (0x1022, "NumberOfFailedSuboperations", "US", "number_of_failed_suboperations"),
        (0x1023, "NumberOfWarningSuboperations", "US", "number_of_warning_suboperations"),
        (0x1030, "MoveOriginatorApplicationEntityTitle", "AE", "move_originator_application_entity_title"),
        (0x1031, "MoveOriginatorMessageID", "US", "move_originator_message_id"),
    )
)
"""In the order they are sent: ascending by tag.  Command Group Length is computed, and ignored on receipt."""

BY_NUMBER = {element.number: element for element in ELEMENTS}
BY_KEYWORD = {element.keyword: element for element in ELEMENTS}
