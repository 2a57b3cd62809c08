import copy
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from dicomwire import service_class, service_class_n, status
from dicomwire.presentation import StoragePresentationContexts
from dicomwire.service_class import QueryRetrieveServiceClass, ServiceClass, StorageServiceClass
from dicomwire.sop_class import (
    SOPClass,
    SOPClassGroup,
    register_uid,
    uid_to_messages,
    uid_to_service_class,
    uid_to_sop_class,
)
from dicomwire.vocabulary import served_sop_classes, sop_classes as sop_class
from dicomwire.vocabulary.context_lists import storage_classes

CONTRACT = json.loads((Path(__file__).parents[1] / "data" / "contract" / "sop_classes.json").read_text())
GROUPS: list[dict[str, Any]] = CONTRACT["groups"]
ROWS = [(group["service_class"], keyword, uid) for group in GROUPS for keyword, uid in group["sop_classes"].items()]
PRIVATE = "1.2.3.4.5.6.7"

SPELLINGS = [
    ("PseudoColorSoftcopyPresentationStageStorage", "PseudoColorSoftcopyPresentationStateStorage"),
    ("VariableModalityLUTSoftcopyPresentationStageStorage", "VariableModalityLUTSoftcopyPresentationStateStorage"),
    (
        "OphthlamicOpticalCoherenceTomographyBscanVolumeAnalysisStorage",
        "OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage",
    ),
    ("RoboticArmRadiationRecordStorage", "RoboticRadiationRecordStorage"),
    (
        "RTBrachyApplicationSetupDeliveryInstructionsStorage",
        "RTBrachyApplicationSetupDeliveryInstructionStorage",
    ),
    ("ModalityWorklistInformationFind", "ModalityWorklistInformationModelFind"),
    ("ColorPaletteInformationModelFind", "ColorPaletteQueryRetrieveInformationModelFind"),
    ("ColorPaletteInformationModelMove", "ColorPaletteQueryRetrieveInformationModelMove"),
    ("ColorPaletteInformationModelGet", "ColorPaletteQueryRetrieveInformationModelGet"),
]


def service_class_named(name: str) -> type[ServiceClass]:
    found: type[ServiceClass] = getattr(service_class, name, None) or getattr(service_class_n, name)
    return found


@pytest.fixture(autouse=True)
def _keep_the_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sop_class, "_SOP_CLASSES", dict(sop_class._SOP_CLASSES))
    for name in ("SERVICE_CLASSES", "MODELS"):
        monkeypatch.setattr(served_sop_classes, name, dict(getattr(served_sop_classes, name)))
    for group in sop_class._GROUPS.values():
        monkeypatch.setattr(group, "data", group.data.copy())
    names = set(vars(sop_class))
    yield
    for name in vars(sop_class).keys() - names:
        delattr(sop_class, name)


def test_there_are_252_sop_classes_in_24_groups() -> None:
    assert len(GROUPS) == 24
    assert len(ROWS) == 252


@pytest.mark.parametrize(("group", "keyword", "uid"), ROWS, ids=[keyword for _, keyword, _ in ROWS])
def test_a_sop_class_is_an_attribute_that_knows_its_service_class(group: str, keyword: str, uid: str) -> None:
    found = getattr(sop_class, keyword)
    assert found == uid
    assert type(found) is SOPClass
    assert found.service_class is service_class_named(group)
    assert uid_to_service_class(uid) is service_class_named(group)
    assert uid_to_sop_class(uid) is found


@pytest.mark.parametrize(("name", "keyword"), SPELLINGS)
def test_both_spellings_are_importable(name: str, keyword: str) -> None:
    assert getattr(sop_class, name) is getattr(sop_class, keyword)


def test_the_right_spellings_are_those_of_the_registry() -> None:
    assert all(getattr(sop_class, name).keyword == keyword for name, keyword in SPELLINGS)


@pytest.mark.parametrize(("keyword", "uid"), CONTRACT["well_known_instances"].items())
def test_a_well_known_instance_is_a_plain_uid(keyword: str, uid: str) -> None:
    assert getattr(sop_class, keyword) == uid
    assert type(getattr(sop_class, keyword)) is UID


def test_there_are_nine_well_known_instances() -> None:
    assert len(CONTRACT["well_known_instances"]) == 9


def test_type_checkers_see_every_name_that_exists() -> None:
    # Those of the standard: other tests register some of their own.
    exist = {
        name for name, value in vars(sop_class).items() if isinstance(value, UID) and value.startswith("1.2.840.10008.")
    }
    groups = {name for name, value in vars(sop_class).items() if isinstance(value, SOPClassGroup)}
    assert len(groups) == 24
    tables = {"_SOP_CLASSES", "_GROUPS"}
    # tests.mutants adds some.
    seen = {name for name in sop_class.__annotations__ if not name.startswith("mutants_")}
    assert seen - tables == exist | groups


def test_what_is_written_into_a_group_is_served_and_what_is_deleted_is_not() -> None:
    storage: SOPClassGroup = sop_class._STORAGE_CLASSES
    assert storage["CTImageStorage"] == "1.2.840.10008.5.1.4.1.1.2"
    storage.update({"MyPrivateStorage": PRIVATE})
    assert uid_to_service_class(PRIVATE) is StorageServiceClass
    assert uid_to_messages(PRIVATE) == {0x0001}
    assert vars(sop_class)["MyPrivateStorage"] == PRIVATE
    del storage["MyPrivateStorage"]
    assert uid_to_service_class(PRIVATE) is ServiceClass


@pytest.mark.parametrize(
    ("keyword", "fields"),
    [("MyFind", {0x0020}), ("MyGet", {0x0010}), ("MyMove", {0x0021}), ("MyModel", {0x0010, 0x0020, 0x0021})],
)
def test_the_keyword_of_a_query_retrieve_class_says_which_message_it_takes(keyword: str, fields: set[int]) -> None:
    sop_class._QR_CLASSES[keyword] = PRIVATE
    assert uid_to_messages(PRIVATE) == fields
    del sop_class._QR_CLASSES[keyword]
    assert uid_to_service_class(PRIVATE) is ServiceClass


def test_a_group_has_what_register_uid_registers_and_takes_no_name_of_the_module() -> None:
    register_uid(PRIVATE, "MyPrivateStorage", StorageServiceClass)
    assert sop_class._STORAGE_CLASSES.pop("MyPrivateStorage") == PRIVATE
    with pytest.raises(ValueError, match="register_uid"):
        sop_class._STORAGE_CLASSES["register_uid"] = PRIVATE
    assert "register_uid" not in sop_class._STORAGE_CLASSES


@pytest.mark.parametrize(("uid", "name"), CONTRACT["service_class_uids"].items())
def test_the_uid_of_a_service_class_finds_it(uid: str, name: str) -> None:
    assert uid_to_service_class(uid) is service_class_named(name)
    assert service_class_named(name).uid == uid


def test_every_default_storage_context_is_served_by_the_storage_service() -> None:
    uids = [str(context.abstract_syntax) for context in StoragePresentationContexts]
    assert {uid_to_service_class(uid) for uid in uids} == {StorageServiceClass}
    listed = {uid for _, _, uid in ROWS}
    assert len([uid for uid in uids if uid not in listed]) == 14


def test_sop_classes_newer_than_the_dictionary_are_named_by_their_uid() -> None:
    newer = sop_class.LabelMapSegmentationStorage
    assert newer.name == UID_dictionary.get(newer, (str(newer),))[0]


@pytest.mark.parametrize(
    "name", ["StorageServiceClass", "QueryRetrieveServiceClass", "UnifiedProcedureStepServiceClass"]
)
def test_programs_that_import_a_service_class_from_here_get_it(name: str) -> None:
    service_class = getattr(sop_class, name)
    assert issubclass(service_class, ServiceClass)
    assert service_class in {getattr(sop_class, keyword).service_class for _, keyword, _ in ROWS}


def test_a_sop_class_of_a_sop_class_is_itself() -> None:
    assert SOPClass(sop_class.CTImageStorage) is sop_class.CTImageStorage


def test_a_sop_class_survives_copying_and_pickling() -> None:
    for again in (copy.deepcopy(sop_class.CTImageStorage), pickle.loads(pickle.dumps(sop_class.CTImageStorage))):
        assert again == sop_class.CTImageStorage
        assert again.service_class is StorageServiceClass


def test_an_unknown_uid_has_the_base_service_class() -> None:
    assert uid_to_service_class(PRIVATE) is ServiceClass
    unknown = uid_to_sop_class(PRIVATE)
    assert type(unknown) is SOPClass
    assert unknown == PRIVATE
    assert unknown.service_class is ServiceClass


def test_a_registered_uid_is_importable_and_dispatched() -> None:
    register_uid(PRIVATE, "MyPrivateStorage", StorageServiceClass)
    assert vars(sop_class)["MyPrivateStorage"] == PRIVATE
    assert uid_to_service_class(PRIVATE) is StorageServiceClass
    assert uid_to_sop_class(PRIVATE) is vars(sop_class)["MyPrivateStorage"]
    assert uid_to_messages(PRIVATE) == {0x0001}


@pytest.mark.parametrize(
    "keyword", ["", "2nd", "my storage", "class", "None", "register_uid", "SOPClass", "__name__", "__new__"]
)
def test_a_bad_or_reserved_keyword_is_refused(keyword: str) -> None:
    with pytest.raises(ValueError, match="name of"):
        register_uid(PRIVATE, keyword, StorageServiceClass)
    assert uid_to_service_class(PRIVATE) is ServiceClass


@pytest.mark.parametrize("other", ["StorageServiceClass", int, None, StorageServiceClass(None)])
def test_what_is_no_service_class_is_refused(other: Any) -> None:
    with pytest.raises(TypeError, match="ServiceClass"):
        register_uid(PRIVATE, "Mine", other)
    assert not hasattr(sop_class, "Mine")


class MyQueryRetrieve(QueryRetrieveServiceClass):
    pass


@pytest.mark.parametrize(
    "derived",
    [QueryRetrieveServiceClass, service_class.HangingProtocolQueryRetrieveServiceClass, MyQueryRetrieve],
)
@pytest.mark.parametrize(("message", "field"), [("C-FIND", 0x0020), ("C-GET", 0x0010), ("C-MOVE", 0x0021)])
def test_the_message_type_is_honoured_for_every_query_retrieve_class(
    derived: type[ServiceClass], message: str, field: int
) -> None:
    register_uid(PRIVATE, "MyModel", derived, message)
    assert uid_to_service_class(PRIVATE) is derived
    assert uid_to_messages(PRIVATE) == {field}


@pytest.mark.parametrize("message", ["", "C-STORE", "c-find"])
def test_query_retrieve_needs_a_message_type_and_nothing_is_registered_without(message: str) -> None:
    with pytest.raises(ValueError, match="C-FIND, C-GET, C-MOVE"):
        register_uid(PRIVATE, "MyModel", QueryRetrieveServiceClass, message)
    assert not hasattr(sop_class, "MyModel")
    assert uid_to_service_class(PRIVATE) is ServiceClass


def test_a_uid_registered_again_forgets_its_message_type() -> None:
    register_uid(PRIVATE, "Mine", QueryRetrieveServiceClass, "C-FIND")
    register_uid(PRIVATE, "Mine", StorageServiceClass)
    assert uid_to_messages(PRIVATE) == {0x0001}


@pytest.mark.parametrize(
    ("keyword", "field"),
    [
        ("PatientRootQueryRetrieveInformationModelFind", 0x0020),
        ("PatientRootQueryRetrieveInformationModelGet", 0x0010),
        ("PatientRootQueryRetrieveInformationModelMove", 0x0021),
        ("RepositoryQuery", 0x0020),
        ("CompositeInstanceRetrieveWithoutBulkDataGet", 0x0010),
        ("InventoryMove", 0x0021),
        ("ModalityWorklistInformationFind", 0x0020),
        ("Verification", 0x0030),
    ],
)
def test_a_query_retrieve_class_serves_the_message_of_its_model(keyword: str, field: int) -> None:
    assert uid_to_messages(getattr(sop_class, keyword)) == {field}


ALL_N = {0x0100, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150}

SERVICES = {
    "VerificationServiceClass": ({0x0030}, "VERIFICATION_SERVICE_CLASS_STATUS"),
    "StorageServiceClass": ({0x0001}, "STORAGE_SERVICE_CLASS_STATUS"),
    "NonPatientObjectStorageServiceClass": ({0x0001}, "NON_PATIENT_SERVICE_CLASS_STATUS"),
    "QueryRetrieveServiceClass": ({0x0020, 0x0010, 0x0021}, None),
    "ColorPaletteQueryRetrieveServiceClass": ({0x0020, 0x0010, 0x0021}, None),
    "DefinedProcedureProtocolQueryRetrieveServiceClass": ({0x0020, 0x0010, 0x0021}, None),
    "HangingProtocolQueryRetrieveServiceClass": ({0x0020, 0x0010, 0x0021}, None),
    "ImplantTemplateQueryRetrieveServiceClass": ({0x0020, 0x0010, 0x0021}, None),
    "InventoryQueryRetrieveServiceClass": ({0x0020, 0x0010, 0x0021}, None),
    "ProtocolApprovalQueryRetrieveServiceClass": ({0x0020, 0x0010, 0x0021}, None),
    "BasicWorklistManagementServiceClass": ({0x0020}, "QR_FIND_SERVICE_CLASS_STATUS"),
    "SubstanceAdministrationQueryServiceClass": ({0x0020}, "SUBSTANCE_ADMINISTRATION_SERVICE_CLASS_STATUS"),
    "RelevantPatientInformationQueryServiceClass": ({0x0020}, "RELEVANT_PATIENT_SERVICE_CLASS_STATUS"),
    "ApplicationEventLoggingServiceClass": ({0x0130}, "APPLICATION_EVENT_LOGGING_SERVICE_CLASS_STATUS"),
    "DisplaySystemManagementServiceClass": ({0x0110}, "GENERAL_STATUS"),
    "InstanceAvailabilityNotificationServiceClass": ({0x0140}, "GENERAL_STATUS"),
    "MediaCreationManagementServiceClass": (
        {0x0140, 0x0110, 0x0130},
        "MEDIA_CREATION_MANAGEMENT_SERVICE_CLASS_STATUS",
    ),
    "PrintManagementServiceClass": (ALL_N, "PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS"),
    "ProcedureStepServiceClass": ({0x0140, 0x0120, 0x0110, 0x0100}, "PROCEDURE_STEP_STATUS"),
    "RTMachineVerificationServiceClass": (ALL_N, "RT_MACHINE_VERIFICATION_SERVICE_CLASS_STATUS"),
    "StorageCommitmentServiceClass": ({0x0130, 0x0100}, "STORAGE_COMMITMENT_SERVICE_CLASS_STATUS"),
    "StorageManagementServiceClass": ({0x0130, 0x0100}, "STORAGE_MANAGEMENT_SERVICE_CLASS_STATUS"),
    "UnifiedProcedureStepServiceClass": (
        {0x0140, 0x0110, 0x0120, 0x0130, 0x0100, 0x0020},
        "UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS",
    ),
    "ServiceClass": (set[int](), "GENERAL_STATUS"),
}


def test_there_are_23_service_classes_and_their_base() -> None:
    assert len(SERVICES) == 24


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_class_names_its_messages_and_statuses(name: str) -> None:
    messages, table = SERVICES[name]
    found = service_class_named(name)
    assert found.messages == messages
    if table:
        assert found.statuses is getattr(status, table)


@pytest.mark.parametrize(
    ("message", "defined", "undefined"), [(0x0020, 0xFF01, 0xA701), (0x0010, 0xAA00, 0xA801), (0x0021, 0xA801, 0xB001)]
)
def test_query_retrieve_has_a_status_table_for_each_message(message: int, defined: int, undefined: int) -> None:
    table = QueryRetrieveServiceClass(None).statuses_for(message)
    assert defined in table
    assert undefined not in table


def test_a_service_class_knows_its_association_and_its_statuses() -> None:
    class Association:
        ae = "the AE"

    assoc = Association()
    service = StorageServiceClass(assoc)
    assert service.assoc is assoc
    assert service.ae == "the AE"
    assert service.is_valid_status(0xA7AB)
    assert not service.is_valid_status(0xFF00)
    assert service.statuses_for(0x0001) is service.statuses


def test_an_archive_serves_every_storage_sop_class_the_retired_ones_too() -> None:
    served = storage_classes()
    current = next(group for group in GROUPS if group["service_class"] == "StorageServiceClass")["sop_classes"]
    assert served == sorted({*served})
    assert {*current.values()} < {*served}
    assert "1.2.840.10008.5.1.4.1.1.6" in served, "Ultrasound Image Storage, retired"
