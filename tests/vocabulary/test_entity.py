import logging
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.uid import UID

from dicomwire import _config
from dicomwire._globals import DEFAULT_TRANSFER_SYNTAXES
from dicomwire._implementation import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION
from dicomwire.associations.configured_contexts import requested_items, supported_by
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.negotiation import Supported
from dicomwire.presentation import AllStoragePresentationContexts, PresentationContext, build_context
from dicomwire.upper_layer.items import PresentationContextRQItem
from dicomwire.upper_layer.limits import Limits

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
TOO_LONG = "1." + "2" * 63

TIMEOUTS = ["acse_timeout", "dimse_timeout", "network_timeout", "connection_timeout", "write_timeout"]


@pytest.fixture
def ae() -> ApplicationEntityBase:
    return ApplicationEntityBase()


class Association:
    """What an AE knows of an association."""

    def __init__(self, *, acceptor: bool) -> None:
        self.is_acceptor = acceptor
        self.is_requestor = not acceptor
        self.requestor: Any = SimpleNamespace(ae_title="REQUESTOR", address="192.0.2.1", port=40000)
        self.acceptor: Any = SimpleNamespace(ae_title="ACCEPTOR", address="192.0.2.2", port=11112)


def running(ae: ApplicationEntityBase, *, acceptor: bool = False) -> Any:
    association: Any = Association(acceptor=acceptor)
    ae.running_associations.add(association)
    return association


def syntaxes(contexts: list[PresentationContext]) -> list[tuple[str, list[str]]]:
    return [(str(context.abstract_syntax), [str(uid) for uid in context.transfer_syntax]) for context in contexts]


def roles(context: PresentationContext) -> tuple[bool | None, bool | None]:
    return context.scu_role, context.scp_role


# -- section 1: the constructor ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ae_title", "PYNETDICOM"),
        ("implementation_class_uid", IMPLEMENTATION_UID),
        ("implementation_version_name", IMPLEMENTATION_VERSION),
        ("requested_contexts", []),
        ("supported_contexts", []),
        ("maximum_associations", 10),
        ("maximum_pdu_size", 16382),
        ("acse_timeout", 30),
        ("dimse_timeout", 30),
        ("network_timeout", 60),
        ("connection_timeout", None),
        ("write_timeout", 60),
        ("require_called_aet", False),
        ("require_calling_aet", []),
        ("active_associations", []),
        ("limits", Limits()),
        ("handlers_in_threads", False),
    ],
)
def test_a_new_ae_has_the_documented_defaults(ae: ApplicationEntityBase, name: str, value: Any) -> None:
    assert getattr(ae, name) == value


def test_a_new_ae_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    ApplicationEntityBase()
    assert not caplog.records


def test_the_implementation_class_uid_is_a_uid(ae: ApplicationEntityBase) -> None:
    assert isinstance(ae.implementation_class_uid, UID)


def test_active_associations_cannot_be_set(ae: ApplicationEntityBase) -> None:
    with pytest.raises(AttributeError):
        ae.active_associations = []  # type: ignore[misc]


# -- section 2.1: titles ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("title", ["A", " STORE SCP ", "SIXTEEN_CHARS_16"])
def test_a_title_is_kept_exactly_as_given(title: str) -> None:
    ae = ApplicationEntityBase(title)
    assert ae.ae_title == title
    ae.ae_title = "OTHER"
    ae.ae_title = title
    assert ae.ae_title == title


@pytest.mark.parametrize("title", ["", "   ", "SEVENTEEN_CHARS17", "Ä", "A\\B", "A\nB", "A\0"])
def test_a_bad_title_is_refused(ae: ApplicationEntityBase, title: str) -> None:
    with pytest.raises(ValueError, match="ae_title"):
        ApplicationEntityBase(title)
    with pytest.raises(ValueError, match="ae_title"):
        ae.ae_title = title
    with pytest.raises(ValueError, match="require_calling_aet"):
        ae.require_calling_aet = ["GOOD", title]
    assert ae.ae_title == "PYNETDICOM"
    assert ae.require_calling_aet == []


@pytest.mark.parametrize("title", [None, 1, ["A"]])
def test_a_title_that_is_no_text_is_refused(ae: ApplicationEntityBase, title: Any) -> None:
    with pytest.raises(TypeError):
        ApplicationEntityBase(title)
    with pytest.raises(TypeError):
        ae.ae_title = title
    with pytest.raises(TypeError):
        ae.require_calling_aet = [title]


def test_a_title_of_bytes_is_deprecated(ae: ApplicationEntityBase) -> None:
    with pytest.warns(DeprecationWarning, match="ae_title"):
        ae.ae_title = b"BYTES"  # type: ignore[assignment]
    assert ae.ae_title == "BYTES"


def test_titles_go_through_the_replaceable_validator(
    ae: ApplicationEntityBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_config.VALIDATORS, "AE", lambda value: (value == "ONLY", "is not ONLY"))
    ae.ae_title = "ONLY"
    with pytest.raises(ValueError, match="is not ONLY"):
        ae.ae_title = "OTHER"


# -- section 2.2: whom we accept --------------------------------------------------------------------------------------
def test_required_calling_titles_are_a_new_list(ae: ApplicationEntityBase) -> None:
    titles = ["ONE", " TWO"]
    ae.require_calling_aet = titles
    assert ae.require_calling_aet == ["ONE", " TWO"]
    assert ae.require_calling_aet is not titles
    nothing: list[Any] = [[], ""]
    for none in nothing:
        ae.require_calling_aet = none
        assert ae.require_calling_aet == []


@pytest.mark.parametrize("titles", [None, 1, "ABC", b"ABC"])
def test_required_calling_titles_that_are_no_list_are_refused(ae: ApplicationEntityBase, titles: Any) -> None:
    with pytest.raises(TypeError):
        ae.require_calling_aet = titles


def test_a_required_calling_title_of_bytes_is_deprecated(ae: ApplicationEntityBase) -> None:
    with pytest.warns(DeprecationWarning, match="require_calling_aet") as warnings:
        ae.require_calling_aet = [b"BYTES"]  # type: ignore[list-item]
    assert len(warnings) == 1
    assert ae.require_calling_aet == ["BYTES"]


def test_whether_the_called_title_is_required_is_stored_as_given(ae: ApplicationEntityBase) -> None:
    value: Any = ["yes"]
    ae.require_called_aet = value
    assert ae.require_called_aet is value


# -- section 2.3: implementation --------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", ["1.2.3", b"1.2.3", UID("1.2.3")])
def test_an_implementation_class_uid_becomes_a_uid(ae: ApplicationEntityBase, value: Any) -> None:
    ae.implementation_class_uid = value
    assert ae.implementation_class_uid == "1.2.3"
    assert isinstance(ae.implementation_class_uid, UID)


@pytest.mark.parametrize("value", ["", TOO_LONG, "1.02", "abc"])
def test_an_implementation_class_uid_that_is_not_conformant_is_refused(ae: ApplicationEntityBase, value: str) -> None:
    with pytest.raises(ValueError, match="implementation_class_uid"):
        ae.implementation_class_uid = value
    assert ae.implementation_class_uid == IMPLEMENTATION_UID


@pytest.mark.parametrize("value", [None, 1.2])
def test_an_implementation_class_uid_of_another_type_is_refused(ae: ApplicationEntityBase, value: Any) -> None:
    with pytest.raises(TypeError):
        ae.implementation_class_uid = value


@pytest.mark.parametrize("value", [None, " ", "MINE_10"])
def test_an_implementation_version_name_may_be_blank_or_absent(ae: ApplicationEntityBase, value: str | None) -> None:
    ae.implementation_version_name = value
    assert ae.implementation_version_name == value


@pytest.mark.parametrize(
    ("value", "error"),
    [("", ValueError), ("N" * 17, ValueError), ("Ä", ValueError), (b"NAME", TypeError), (1, TypeError)],
)
def test_a_bad_implementation_version_name_is_refused(
    ae: ApplicationEntityBase, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ae.implementation_version_name = value


# -- section 2.4: timeouts --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", TIMEOUTS)
@pytest.mark.parametrize("seconds", [0.5, 1, True, None])
def test_a_timeout_is_a_number_or_none(
    ae: ApplicationEntityBase, name: str, seconds: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    setattr(ae, name, seconds)
    assert getattr(ae, name) == seconds
    assert not caplog.records


@pytest.mark.parametrize("name", TIMEOUTS[:3])
def test_a_timeout_may_expire_at_once(ae: ApplicationEntityBase, name: str) -> None:
    setattr(ae, name, 0)
    assert getattr(ae, name) == 0


@pytest.mark.parametrize("name", TIMEOUTS)
def test_an_infinite_timeout_is_none(ae: ApplicationEntityBase, name: str) -> None:
    setattr(ae, name, float("inf"))
    assert getattr(ae, name) is None


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("acse_timeout", 30),
        ("dimse_timeout", 30),
        ("network_timeout", 60),
        ("connection_timeout", None),
        ("write_timeout", 60),
    ],
)
@pytest.mark.parametrize("seconds", [-1, -0.5, "10", float("nan"), [], b"1"])
def test_a_bad_timeout_becomes_the_default_and_is_logged(
    ae: ApplicationEntityBase, name: str, default: float | None, seconds: Any, caplog: pytest.LogCaptureFixture
) -> None:
    setattr(ae, name, 5)
    setattr(ae, name, seconds)
    assert getattr(ae, name) == default
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert name in record.message
    assert repr(seconds) in record.message


@pytest.mark.parametrize("seconds", [0, 0.0, False])
def test_no_time_to_connect_becomes_no_limit(
    ae: ApplicationEntityBase, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    ae.connection_timeout = 5
    ae.connection_timeout = seconds
    assert ae.connection_timeout is None
    assert len(caplog.records) == 1


@pytest.mark.parametrize("name", TIMEOUTS)
def test_a_timeout_is_set_on_running_associations_too(ae: ApplicationEntityBase, name: str) -> None:
    associations = [running(ae), running(ae, acceptor=True)]
    setattr(ae, name, 7)
    assert [getattr(association, name) for association in associations] == [7, 7]
    setattr(ae, name, "bad")
    assert [getattr(association, name) for association in associations] == [getattr(ae, name)] * 2


# -- section 2.5: how many and how large ------------------------------------------------------------------------------
def test_the_maximum_of_associations_can_be_set(ae: ApplicationEntityBase) -> None:
    ae.maximum_associations = 1000
    assert ae.maximum_associations == 1000


@pytest.mark.parametrize("value", [0, -1, 2.5, "10", None])
def test_a_bad_maximum_of_associations_becomes_one_and_is_logged(
    ae: ApplicationEntityBase, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ae.maximum_associations = value
    assert ae.maximum_associations == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize("value", [0, 7, 16384, 0xFFFFFFFF])
def test_the_maximum_pdu_size_can_be_set(ae: ApplicationEntityBase, value: int) -> None:
    ae.maximum_pdu_size = value
    assert ae.maximum_pdu_size == value


def test_a_negative_maximum_pdu_size_is_ignored_and_logged(
    ae: ApplicationEntityBase, caplog: pytest.LogCaptureFixture
) -> None:
    ae.maximum_pdu_size = 5000
    ae.maximum_pdu_size = -10
    assert ae.maximum_pdu_size == 5000
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize("value", [1, 6, 1 << 32])
def test_a_maximum_pdu_size_that_cannot_work_is_refused(ae: ApplicationEntityBase, value: int) -> None:
    with pytest.raises(ValueError, match="maximum_pdu_size"):
        ae.maximum_pdu_size = value
    assert ae.maximum_pdu_size == 16382


@pytest.mark.parametrize("value", ["10", None])
def test_a_maximum_pdu_size_that_is_no_number_is_refused(ae: ApplicationEntityBase, value: Any) -> None:
    with pytest.raises(TypeError):
        ae.maximum_pdu_size = value


# -- section 2.6: associations ----------------------------------------------------------------------------------------
def test_active_associations_are_those_registered_and_not_forgotten(ae: ApplicationEntityBase) -> None:
    one, two = running(ae), running(ae, acceptor=True)
    active = ae.active_associations
    assert {id(association) for association in active} == {id(one), id(two)}
    ae.running_associations.remove(one)
    ae.running_associations.remove(one)
    assert len(active) == 2
    assert ae.active_associations == [two]


def test_each_ae_has_its_own_associations(ae: ApplicationEntityBase) -> None:
    running(ApplicationEntityBase())
    assert ae.active_associations == []


def test_places_are_given_in_order_and_given_up_at_the_end(ae: ApplicationEntityBase) -> None:
    first, second, third = running(ae, acceptor=True), running(ae, acceptor=True), running(ae, acceptor=True)
    places = ae.running_associations
    assert [places.take_place(association, 2) for association in (first, second, third)] == [True, True, False]
    assert [places.has_place(association) for association in (first, second, third)] == [True, True, False]
    places.remove(first)
    assert places.take_place(third, 2)
    places.give_up_place(second)
    places.give_up_place(second)
    assert [places.has_place(association) for association in (first, second, third)] == [False, False, True]


# -- section 3.1: requested contexts ----------------------------------------------------------------------------------
def test_a_requested_context_has_the_default_transfer_syntaxes(ae: ApplicationEntityBase) -> None:
    ae.add_requested_context(VERIFICATION)
    (context,) = ae.requested_contexts
    assert isinstance(context.abstract_syntax, UID)
    assert syntaxes([context]) == [(VERIFICATION, DEFAULT_TRANSFER_SYNTAXES)]
    assert context.context_id is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (IMPLICIT, [IMPLICIT]),
        (UID(EXPLICIT), [EXPLICIT]),
        ([EXPLICIT, IMPLICIT, EXPLICIT], [EXPLICIT, IMPLICIT]),
        ((EXPLICIT, IMPLICIT), [EXPLICIT, IMPLICIT]),
    ],
)
def test_a_requested_context_takes_one_or_several_transfer_syntaxes(
    ae: ApplicationEntityBase, given: Any, kept: list[str]
) -> None:
    ae.add_requested_context(CT, given)
    ae.add_supported_context(CT, given)
    assert syntaxes(ae.requested_contexts) == syntaxes(ae.supported_contexts) == [(CT, kept)]


def test_an_abstract_syntax_may_be_requested_again(ae: ApplicationEntityBase) -> None:
    ae.add_requested_context(CT, IMPLICIT)
    ae.add_requested_context(VERIFICATION, IMPLICIT)
    ae.add_requested_context(CT, EXPLICIT)
    ae.add_requested_context(CT, EXPLICIT)
    assert syntaxes(ae.requested_contexts) == [
        (CT, [IMPLICIT]),
        (VERIFICATION, [IMPLICIT]),
        (CT, [EXPLICIT]),
        (CT, [EXPLICIT]),
    ]


def test_the_129th_requested_context_is_refused(ae: ApplicationEntityBase) -> None:
    for _ in range(128):
        ae.add_requested_context(CT)
    with pytest.raises(ValueError, match="128"):
        ae.add_requested_context(CT)
    assert len(ae.requested_contexts) == 128


@pytest.mark.parametrize("uid", [1234, None, ["1.2"]])
def test_an_abstract_syntax_that_is_no_text_is_refused(ae: ApplicationEntityBase, uid: Any) -> None:
    with pytest.raises(TypeError):
        ae.add_requested_context(uid)
    with pytest.raises(TypeError):
        ae.add_supported_context(uid)
    assert ae.requested_contexts == ae.supported_contexts == []


@pytest.mark.parametrize("uid", [TOO_LONG, ""])
def test_an_abstract_syntax_that_is_no_uid_is_refused(ae: ApplicationEntityBase, uid: str) -> None:
    with pytest.raises(ValueError, match="abstract_syntax"):
        ae.add_requested_context(uid)
    with pytest.raises(ValueError, match="abstract_syntax"):
        ae.add_supported_context(uid)


def test_the_requested_contexts_are_the_list_itself(ae: ApplicationEntityBase) -> None:
    ae.add_requested_context(CT)
    ae.requested_contexts.pop()
    assert ae.requested_contexts == []


@pytest.mark.parametrize("nothing", [[], (), None])
def test_assigning_nothing_clears_the_requested_contexts(ae: ApplicationEntityBase, nothing: Any) -> None:
    ae.add_requested_context(CT)
    before = ae.requested_contexts
    ae.requested_contexts = nothing
    assert ae.requested_contexts == []
    ae.requested_contexts = before
    assert len(ae.requested_contexts) == 1


def test_assigned_requested_contexts_are_copied_without_roles_and_ids(ae: ApplicationEntityBase) -> None:
    context = build_context(CT, [IMPLICIT])
    context.context_id = 5
    context.scu_role = context.scp_role = True
    ae.requested_contexts = [context]
    context.add_transfer_syntax(EXPLICIT)
    (copied,) = ae.requested_contexts
    assert syntaxes([copied]) == [(CT, [IMPLICIT])]
    assert copied.context_id is None
    assert roles(copied) == (None, None)


def test_assigning_requested_contexts_adds_what_is_not_there(ae: ApplicationEntityBase) -> None:
    ae.add_requested_context(VERIFICATION, IMPLICIT)
    contexts = [build_context(CT, IMPLICIT), build_context(VERIFICATION, IMPLICIT), build_context(CT, EXPLICIT)]
    for _ in range(2):
        ae.requested_contexts = contexts
        assert syntaxes(ae.requested_contexts) == [
            (VERIFICATION, [IMPLICIT]),
            (CT, [IMPLICIT]),
            (CT, [EXPLICIT]),
        ]


def test_assigning_the_requested_contexts_to_themselves_changes_nothing(ae: ApplicationEntityBase) -> None:
    ae.add_requested_context(CT)
    ae.requested_contexts = ae.requested_contexts
    assert len(ae.requested_contexts) == 1


def test_a_context_given_twice_at_once_is_requested_twice(ae: ApplicationEntityBase) -> None:
    ae.requested_contexts = [build_context(CT)] * 2
    assert len(ae.requested_contexts) == 2


def test_the_same_list_of_128_can_be_assigned_again(ae: ApplicationEntityBase) -> None:
    contexts = AllStoragePresentationContexts[:128]
    ae.requested_contexts = contexts
    ae.requested_contexts = contexts
    assert len(ae.requested_contexts) == 128


@pytest.mark.parametrize(
    "contexts",
    [[build_context(CT), CT], [None], [PresentationContext()], AllStoragePresentationContexts[:129]],
    ids=["uid", "none", "blank", "too-many"],
)
def test_bad_requested_contexts_are_refused_and_change_nothing(ae: ApplicationEntityBase, contexts: Any) -> None:
    ae.add_requested_context(VERIFICATION)
    with pytest.raises(ValueError, match="context"):
        ae.requested_contexts = contexts
    assert [context.abstract_syntax for context in ae.requested_contexts] == [VERIFICATION]


def test_requested_contexts_cannot_grow_beyond_128(ae: ApplicationEntityBase) -> None:
    ae.requested_contexts = AllStoragePresentationContexts[:100]
    with pytest.raises(ValueError, match="128"):
        ae.requested_contexts = AllStoragePresentationContexts[100:129]
    assert len(ae.requested_contexts) == 100


def test_removing_a_requested_abstract_syntax_removes_all_its_contexts(ae: ApplicationEntityBase) -> None:
    for uid, syntax in [(CT, IMPLICIT), (VERIFICATION, IMPLICIT), (CT, EXPLICIT)]:
        ae.add_requested_context(uid, syntax)
    ae.remove_requested_context(CT)
    assert syntaxes(ae.requested_contexts) == [(VERIFICATION, [IMPLICIT])]


def test_removing_requested_transfer_syntaxes_removes_contexts_that_have_none_left(ae: ApplicationEntityBase) -> None:
    ae.add_requested_context(CT, [IMPLICIT, EXPLICIT, BIG_ENDIAN])
    ae.add_requested_context(CT, [IMPLICIT, EXPLICIT])
    ae.add_requested_context(CT, EXPLICIT)
    ae.add_requested_context(MR, EXPLICIT)
    ae.remove_requested_context(CT, EXPLICIT)
    assert syntaxes(ae.requested_contexts) == [(CT, [IMPLICIT, BIG_ENDIAN]), (CT, [IMPLICIT]), (MR, [EXPLICIT])]
    ae.remove_requested_context(UID(CT), (UID(IMPLICIT), DEFLATED))
    assert syntaxes(ae.requested_contexts) == [(CT, [BIG_ENDIAN]), (MR, [EXPLICIT])]


@pytest.mark.parametrize(("uid", "syntax"), [(MR, None), (MR, IMPLICIT), (CT, EXPLICIT), (CT, [])])
def test_removing_what_is_not_there_has_no_effect(ae: ApplicationEntityBase, uid: str, syntax: Any) -> None:
    ae.add_requested_context(CT, IMPLICIT)
    ae.add_supported_context(CT, IMPLICIT)
    ae.remove_requested_context(uid, syntax)
    ae.remove_supported_context(uid, syntax)
    assert syntaxes(ae.requested_contexts) == syntaxes(ae.supported_contexts) == [(CT, [IMPLICIT])]


# -- section 3.1: what goes on the wire -------------------------------------------------------------------------------
def test_proposed_contexts_are_numbered_by_odd_numbers() -> None:
    contexts = [build_context(CT, [EXPLICIT, IMPLICIT]), build_context(VERIFICATION, IMPLICIT)]
    assert requested_items(contexts) == (
        PresentationContextRQItem(context_id=1, abstract_syntax=CT, transfer_syntax=(EXPLICIT, IMPLICIT)),
        PresentationContextRQItem(context_id=3, abstract_syntax=VERIFICATION, transfer_syntax=(IMPLICIT,)),
    )
    assert [context.context_id for context in contexts] == [None, None]


def test_the_128th_proposed_context_has_the_last_id() -> None:
    assert requested_items(AllStoragePresentationContexts[:128])[-1].context_id == 255
    with pytest.raises(ValueError, match="129 presentation contexts"):
        requested_items(AllStoragePresentationContexts[:129])


def test_unchanged_contexts_are_not_built_again(ae: ApplicationEntityBase) -> None:
    ae.add_requested_context(CT)
    first = requested_items(ae.requested_contexts)
    assert requested_items(ae.requested_contexts) is first
    ae.requested_contexts[0].add_transfer_syntax("1.2.840.10008.1.2.4.50")
    second = requested_items(ae.requested_contexts)
    assert second != first
    assert second[0].transfer_syntax[-1] == "1.2.840.10008.1.2.4.50"


@pytest.mark.parametrize(
    ("contexts", "text"),
    [
        ([build_context(CT, [])], "CT Image Storage has no transfer syntax"),
        ([PresentationContext()], "no abstract syntax"),
        ([CT], "no presentation context"),
    ],
)
def test_contexts_that_cannot_be_proposed_are_refused(contexts: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        requested_items(contexts)


def test_no_contexts_are_no_items() -> None:
    assert requested_items([]) == ()


# -- section 3.2: supported contexts ----------------------------------------------------------------------------------
def test_supported_contexts_are_a_new_list_sorted_by_abstract_syntax(ae: ApplicationEntityBase) -> None:
    for uid in (MR, VERIFICATION, CT):
        ae.add_supported_context(uid)
    contexts = ae.supported_contexts
    assert [context.abstract_syntax for context in contexts] == [VERIFICATION, CT, MR]
    assert contexts[0].transfer_syntax == DEFAULT_TRANSFER_SYNTAXES
    contexts.clear()
    assert len(ae.supported_contexts) == 3


def test_supported_contexts_can_be_changed_in_place(ae: ApplicationEntityBase) -> None:
    ae.add_supported_context(CT)
    for context in ae.supported_contexts:
        context.scu_role, context.scp_role = False, True
    assert roles(ae.supported_contexts[0]) == (False, True)


def test_an_abstract_syntax_supported_again_gains_transfer_syntaxes(ae: ApplicationEntityBase) -> None:
    ae.add_supported_context(CT, [EXPLICIT, IMPLICIT])
    ae.add_supported_context(CT, [BIG_ENDIAN, EXPLICIT])
    assert syntaxes(ae.supported_contexts) == [(CT, [EXPLICIT, IMPLICIT, BIG_ENDIAN])]


def test_an_abstract_syntax_supported_again_keeps_its_roles_unless_new_ones_are_given(
    ae: ApplicationEntityBase,
) -> None:
    ae.add_supported_context(CT, scu_role=True, scp_role=False)
    ae.add_supported_context(CT)
    assert roles(ae.supported_contexts[0]) == (True, False)
    ae.add_supported_context(CT, scu_role=False, scp_role=True)
    assert roles(ae.supported_contexts[0]) == (False, True)
    ae.add_supported_context(CT, scp_role=True)
    assert roles(ae.supported_contexts[0]) == (None, True)


@pytest.mark.parametrize("role", [1, "True", 0])
def test_a_role_is_bool_or_none(ae: ApplicationEntityBase, role: Any) -> None:
    ae.add_supported_context(CT, IMPLICIT)
    with pytest.raises(TypeError):
        ae.add_supported_context(CT, EXPLICIT, scu_role=role)
    with pytest.raises(TypeError):
        ae.add_supported_context(CT, EXPLICIT, scp_role=role)
    assert syntaxes(ae.supported_contexts) == [(CT, [IMPLICIT])]


def test_the_number_of_supported_contexts_has_no_limit(ae: ApplicationEntityBase) -> None:
    ae.supported_contexts = AllStoragePresentationContexts
    assert len(ae.supported_contexts) == 170


@pytest.mark.parametrize("nothing", [[], ()])
def test_assigning_nothing_clears_the_supported_contexts(ae: ApplicationEntityBase, nothing: Any) -> None:
    ae.add_supported_context(CT)
    ae.supported_contexts = nothing
    assert ae.supported_contexts == []


def test_assigning_none_to_the_supported_contexts_is_refused(ae: ApplicationEntityBase) -> None:
    ae.add_supported_context(CT)
    with pytest.raises(TypeError):
        ae.supported_contexts = None  # type: ignore[assignment]
    assert len(ae.supported_contexts) == 1


@pytest.mark.parametrize("bad", [CT, None, PresentationContext()])
def test_bad_supported_contexts_are_refused_and_change_nothing(ae: ApplicationEntityBase, bad: Any) -> None:
    with pytest.raises(ValueError, match="context"):
        ae.supported_contexts = [build_context(CT), bad]
    assert ae.supported_contexts == []


def test_assigned_supported_contexts_are_merged_copies_with_their_roles(ae: ApplicationEntityBase) -> None:
    ae.add_supported_context(CT, IMPLICIT)
    ae.add_supported_context(MR, IMPLICIT, scu_role=True, scp_role=True)
    ct, mr = build_context(CT, [EXPLICIT, IMPLICIT]), build_context(MR, EXPLICIT)
    ct.scu_role, ct.scp_role = False, True
    ct.context_id = 1
    ae.supported_contexts = [mr, ct]
    ct.add_transfer_syntax(BIG_ENDIAN)
    kept = ae.supported_contexts
    assert syntaxes(kept) == [(CT, [IMPLICIT, EXPLICIT]), (MR, [IMPLICIT, EXPLICIT])]
    assert [roles(context) for context in kept] == [(False, True), (True, True)]
    assert [context.context_id for context in kept] == [None, None]


def test_removing_a_supported_context(ae: ApplicationEntityBase) -> None:
    ae.add_supported_context(CT, [IMPLICIT, EXPLICIT, BIG_ENDIAN])
    ae.add_supported_context(MR)
    ae.remove_supported_context(CT, [EXPLICIT, DEFLATED])
    assert syntaxes(ae.supported_contexts)[0] == (CT, [IMPLICIT, BIG_ENDIAN])
    ae.remove_supported_context(CT, [IMPLICIT, BIG_ENDIAN])
    assert [context.abstract_syntax for context in ae.supported_contexts] == [MR]
    ae.remove_supported_context(UID(MR))
    assert ae.supported_contexts == []


def test_supported_contexts_become_plain_values() -> None:
    contexts = [build_context(CT, [EXPLICIT, IMPLICIT]), build_context(MR, IMPLICIT), build_context(CT, [BIG_ENDIAN])]
    contexts[1].scu_role, contexts[1].scp_role = False, True
    assert supported_by(contexts) == {
        CT: Supported((EXPLICIT, IMPLICIT, BIG_ENDIAN)),
        MR: Supported((IMPLICIT,), (False, True)),
    }
    assert syntaxes(contexts)[0] == (CT, [EXPLICIT, IMPLICIT])


@pytest.mark.parametrize("role", ["scu_role", "scp_role"])
def test_one_role_without_the_other_is_refused_by_name(role: str) -> None:
    context = build_context(CT)
    setattr(context, role, True)
    with pytest.raises(ValueError, match="CT Image Storage"):
        supported_by([build_context(VERIFICATION), context])


@pytest.mark.parametrize("bad", [CT, None, PresentationContext()])
def test_what_is_no_context_cannot_be_supported(bad: Any) -> None:
    with pytest.raises(ValueError, match="context"):
        supported_by([bad])


# -- section 8: as text -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "line",
    [
        "ACSE timeout: 30 s",
        "DIMSE timeout: 30 s",
        "Network timeout: 60 s",
        "Connection timeout: no limit",
        "Require called AE title: False",
        "Association(s): 0/10",
    ],
)
def test_an_ae_as_text_has_its_settings(ae: ApplicationEntityBase, line: str) -> None:
    assert line in str(ae)


def test_an_empty_ae_as_text_has_no_contexts_and_nobody_it_asks_for(ae: ApplicationEntityBase) -> None:
    text = str(ae)
    assert "PYNETDICOM" in text
    assert text.count("None") == 2
    assert "calling" not in text


def test_an_ae_as_text_names_its_contexts(ae: ApplicationEntityBase) -> None:
    ae.add_requested_context(VERIFICATION, IMPLICIT)
    ae.add_supported_context(CT, EXPLICIT)
    requested, supported = str(ae).split("Supported Presentation Contexts")
    assert "Requested Presentation Contexts" in requested
    assert "Verification SOP Class" in requested
    assert "Implicit VR Little Endian" in requested
    assert "CT Image Storage" in supported
    assert "Explicit VR Little Endian" in supported


def test_an_ae_as_text_says_whom_it_lets_in(ae: ApplicationEntityBase) -> None:
    ae.require_calling_aet = ["ONE", "TWO"]
    ae.require_called_aet = True
    assert "ONE, TWO" in str(ae)
    assert "Require called AE title: True" in str(ae)


def test_an_ae_as_text_names_its_associations(ae: ApplicationEntityBase) -> None:
    running(ae)
    running(ae, acceptor=True)
    text = str(ae)
    assert "Association(s): 2/10" in text
    assert "ACCEPTOR at 192.0.2.2 port 11112" in text
    assert "REQUESTOR at 192.0.2.1 port 40000" in text


def test_a_peer_cannot_add_lines_to_an_ae_as_text(ae: ApplicationEntityBase) -> None:
    class Unconnected:
        ae_title = "EVIL\nFORGED"

        @property
        def address(self) -> str:
            raise ValueError("unknown")

    association = running(ae, acceptor=True)
    association.requestor = Unconnected()
    assert str(ae).splitlines()[-1].strip() == r"EVIL\nFORGED at an unknown address"
