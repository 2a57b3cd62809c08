"""``send_c_echo`` and ``send_c_store``: what they check, what they send, what they hand back."""

from __future__ import annotations

import copy
import pickle
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.sequence import Sequence
from pydicom.uid import UID

from dicomwire import _config, build_context, evt
from dicomwire.dsutils import decode
from dicomwire.status import Status
from tests.support.accepting import CONTEXTS, accepted
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, Recorder, World, done, keep
from tests.support.encoded import Writer
from tests.support.rejections import codes
from tests.support.sessions import response, whole_command
from tests.support.storing import EXPLICIT, IMPLICIT, JPEG, Store, instance, save, storage, storing

DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"


# -- C-ECHO -------------------------------------------------------------------------------------------------------
async def test_an_echo_is_answered_with_success(world: World) -> None:
    seen: list[Any] = []
    association = await world.join([(evt.EVT_C_ECHO, lambda event: keep(seen, event))])
    status = await done(association.send_c_echo(msg_id=65535))
    assert isinstance(status, Dataset)
    assert [(element.keyword, element.value) for element in status] == [("Status", 0)]
    event = seen[0]
    assert event.message_id == 65535
    assert event.request.MessageID == 65535
    assert event.request.AffectedSOPClassUID == VERIFICATION
    assert event.context.abstract_syntax == VERIFICATION
    for name in ("dataset", "dataset_path", "identifier", "file_meta", "move_destination", "attribute_list"):
        with pytest.raises(AttributeError):
            getattr(event, name)
    with pytest.raises(AttributeError):
        event.encoded_dataset()
    await done(association.release())


@pytest.mark.parametrize(
    ("message_id", "kind"),
    [(-1, ValueError), (65536, ValueError), ("1", TypeError), (None, TypeError), (1.0, TypeError)],
)
async def test_a_bad_message_id_is_refused_and_the_association_stays_usable(
    world: World, message_id: Any, kind: type[Exception]
) -> None:
    association = await world.join(Store().bindings)
    with pytest.raises(kind):
        await done(association.send_c_echo(msg_id=message_id))
    with pytest.raises(kind):
        await done(association.send_c_store(instance(), msg_id=message_id))
    assert (await done(association.send_c_echo(msg_id=0))).Status == 0
    await done(association.release())


async def test_without_an_accepted_context_there_is_a_value_error(world: World) -> None:
    server = await world.serve(contexts=[build_context(CT_IMAGE_STORAGE)])
    association = await world.associate(server)
    with pytest.raises(ValueError, match="Verification"):
        await done(association.send_c_echo())
    await done(association.release())


async def test_the_value_error_can_be_handed_to_another_process(world: World) -> None:
    association = await world.join(contexts=[build_context(CT_IMAGE_STORAGE)])
    with pytest.raises(ValueError, match="Verification") as raised:
        await done(association.send_c_echo())
    again = pickle.loads(pickle.dumps(raised.value))
    assert type(again) is type(raised.value) and (str(again), vars(again)) == (str(raised.value), vars(raised.value))
    await done(association.release())


async def test_not_established_comes_before_every_other_check(world: World) -> None:
    association = await world.join()
    await done(association.release())
    with pytest.raises(RuntimeError):
        await done(association.send_c_echo(msg_id="x"))
    with pytest.raises(RuntimeError):
        await done(association.send_c_store(7, msg_id="x", priority=9))


def _with_comment() -> Dataset:
    status = Dataset()
    status.Status = 0x0122
    status.ErrorComment = "not today"
    status.OffendingElement = [0x00100010, 0x00100020]
    return status


def _raises(event: evt.Event) -> Any:
    raise RuntimeError("the handler is broken")


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        pytest.param(lambda event: 0x0122, 0x0122, id="int"),
        pytest.param(lambda event: Status.SUCCESS, 0x0000, id="enum"),
        pytest.param(lambda event: 0xABCD, 0xABCD, id="not-in-the-table"),
        pytest.param(_raises, 0x0000, id="raises"),
        pytest.param(lambda event: None, 0x0000, id="none"),
        pytest.param(lambda event: "0", 0x0000, id="str"),
        pytest.param(lambda event: Dataset(), 0x0000, id="no-status"),
        pytest.param(lambda event: _with_comment(), 0x0122, id="dataset"),
    ],
)
async def test_what_the_echo_handler_says_is_answered(world: World, handler: Any, status: int) -> None:
    association = await world.join([(evt.EVT_C_ECHO, handler)])
    answer = await done(association.send_c_echo())
    assert answer.Status == status
    if len(answer) > 1:
        assert answer.ErrorComment == "not today"
        assert "OffendingElement" not in answer
    assert association.is_established
    await done(association.release())


async def test_a_response_without_status_aborts_and_gives_an_empty_status(world: World) -> None:
    listener = await world.listen()

    async def peer() -> bytes:
        other = await accepted(listener)
        await other.pdu()
        command = response(0x0030, 1, 0)
        # Without (0000,0900), its group length corrected.
        await other.send(whole_command(1, command[:8] + bytes([command[8] - 10]) + command[9:-10]))
        said: bytes = await other.pdu()
        await other.close()
        return said

    job = world.start(peer)
    association = await world.associate(listener, contexts=CONTEXTS)
    assert len(await done(association.send_c_echo())) == 0
    assert association.is_aborted
    assert (await job.result())[0] == 7


async def test_a_response_to_another_message_is_ignored(world: World) -> None:
    listener = await world.listen()

    async def peer() -> None:
        other = await accepted(listener)
        await other.pdu()
        await other.send(whole_command(1, response(0x0030, 7, 0x0110)))
        await other.send(whole_command(1, response(0x0030, 1, 0x0000)))
        await other.rest()
        await other.close()

    job = world.start(peer)
    association = await world.associate(listener, contexts=CONTEXTS)
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.abort())
    await job.result()


# -- C-STORE: arguments -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("priority", [-1, 3, None, "low"])
async def test_a_bad_priority_is_refused(world: World, priority: Any) -> None:
    association = await world.join(Store().bindings)
    with pytest.raises(ValueError, match="priority"):
        await done(association.send_c_store(instance(), priority=priority))
    assert association.is_established
    await done(association.release())


async def test_a_data_set_without_what_names_it_is_refused(world: World) -> None:
    association = await world.join(Store().bindings)
    for keyword in ("SOPClassUID", "SOPInstanceUID", "file_meta"):
        dataset = instance()
        delattr(dataset, keyword)
        with pytest.raises(AttributeError):
            await done(association.send_c_store(dataset))
    dataset = instance()
    del dataset.file_meta.TransferSyntaxUID
    with pytest.raises(AttributeError):
        await done(association.send_c_store(dataset))
    assert (await done(association.send_c_store(instance()))).Status == 0
    await done(association.release())


async def test_a_uid_that_is_too_long_is_refused(world: World) -> None:
    association = await world.join(Store().bindings)
    dataset = instance()
    with pytest.warns(UserWarning, match="UI"):
        dataset.SOPInstanceUID = "1." + 63 * "2"
    with pytest.raises(ValueError, match=r"."):
        await done(association.send_c_store(dataset))
    assert association.is_established
    await done(association.release())


async def test_a_data_set_that_cannot_be_encoded_is_refused_and_the_association_stays_usable(world: World) -> None:
    association = await world.join(Store().bindings)
    dataset = instance()
    dataset["Rows"]._value = "no number"
    with pytest.raises(ValueError, match=r".") as caught:
        await done(association.send_c_store(dataset))
    assert caught.value.__cause__ is not None
    assert (await done(association.send_c_store(instance()))).Status == 0
    await done(association.release())


async def test_a_class_that_was_not_accepted_is_refused(world: World) -> None:
    association = await world.join(Store().bindings)
    dataset = instance()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    with pytest.raises(ValueError, match="MR Image Storage"):
        await done(association.send_c_store(dataset))
    with pytest.raises(ValueError, match="JPEG"):
        await done(association.send_c_store(instance(JPEG)))
    await done(association.release())


async def test_a_c_store_request_names_its_instance_and_priority(world: World) -> None:
    store = Store()
    association = await storing(world, store, IMPLICIT)
    await done(association.send_c_store(instance(), msg_id=9, priority=1))
    await done(association.send_c_store(instance()))
    first, second = store.requests
    assert (first.MessageID, first.Priority) == (9, 1)
    assert first.AffectedSOPClassUID == CT_IMAGE_STORAGE
    assert first.AffectedSOPInstanceUID == "1.2.3.4"
    assert (second.MessageID, second.Priority) == (1, 2)
    await done(association.release())


async def test_the_originator_of_a_c_move_is_sent_with_a_c_store(world: World) -> None:
    store = Store()
    association = await storing(world, store, IMPLICIT)
    await done(association.send_c_store(instance(), originator_aet="MOVER", originator_id=77))
    await done(association.send_c_store(instance()))
    await done(association.send_c_store(instance(), originator_aet="THIS TITLE IS TOO LONG", originator_id=0))
    assert [
        (request.MoveOriginatorApplicationEntityTitle, request.MoveOriginatorMessageID) for request in store.requests
    ] == [("MOVER", 77), (None, None), (None, 0)]
    with pytest.raises(ValueError, match="65536"):
        await done(association.send_c_store(instance(), originator_id=65536))
    await done(association.release())


# -- C-STORE: what is sent ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["dataset", "str", "path"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_an_instance_arrives_as_it_was(world: World, tmp_path: Path, kind: str, chunked: bool) -> None:
    _config.STORE_SEND_CHUNKED_DATASET = chunked
    dataset = instance(EXPLICIT, PatientComments="äöü", SpecificCharacterSet="ISO_IR 100")
    dataset.ReferencedImageSequence = Sequence([Dataset(), Dataset()])
    dataset.ReferencedImageSequence[0].Rows = 1
    path = save(dataset, tmp_path / "ct.dcm")
    what: Any = {"dataset": dataset, "str": str(path), "path": path}[kind]
    store = Store()
    association = await storing(world, store, EXPLICIT)
    assert (await done(association.send_c_store(what))).Status == 0
    received = decode(store.data[0], False, True)
    assert received == dcmread(path)
    assert received.ReferencedImageSequence[0].Rows == 1
    assert store.requests[0].AffectedSOPInstanceUID == "1.2.3.4"
    await done(association.release())


CONVERSIONS = [
    (IMPLICIT, EXPLICIT),
    (IMPLICIT, DEFLATED),
    (EXPLICIT, IMPLICIT),
    (EXPLICIT, DEFLATED),
    (DEFLATED, IMPLICIT),
    (DEFLATED, EXPLICIT),
    (BIG, BIG),
    (IMPLICIT, IMPLICIT),
    (DEFLATED, DEFLATED),
]


@pytest.mark.parametrize(("has", "takes"), CONVERSIONS)
@pytest.mark.parametrize("kind", ["dataset", "path"])
async def test_uncompressed_data_sets_are_converted_within_their_byte_order(
    world: World, tmp_path: Path, has: str, takes: str, kind: str
) -> None:
    dataset = instance(has)
    path = save(dataset, tmp_path / "ct.dcm")
    store = Store()
    association = await storing(world, store, takes)
    assert (await done(association.send_c_store(dataset if kind == "dataset" else path))).Status == 0
    assert store.syntaxes == [takes]
    syntax = UID(takes)
    received = decode(store.data[0], syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    assert received == dcmread(path)
    await done(association.release())


@pytest.mark.parametrize(("has", "takes"), [(BIG, EXPLICIT), (EXPLICIT, BIG), (IMPLICIT, BIG), (JPEG, EXPLICIT)])
@pytest.mark.parametrize("kind", ["dataset", "path"])
async def test_what_cannot_be_converted_is_a_value_error(
    world: World, tmp_path: Path, has: str, takes: str, kind: str
) -> None:
    dataset = instance(has)
    path = save(dataset, tmp_path / "ct.dcm")
    association = await storing(world, Store(), takes)
    with pytest.raises(ValueError, match="no presentation context"):
        await done(association.send_c_store(dataset if kind == "dataset" else path))
    assert association.is_established
    await done(association.release())


async def test_chunked_sending_does_not_convert(world: World, tmp_path: Path) -> None:
    _config.STORE_SEND_CHUNKED_DATASET = True
    path = save(instance(EXPLICIT), tmp_path / "ct.dcm")
    association = await storing(world, Store(), IMPLICIT)
    with pytest.raises(ValueError, match="no presentation context"):
        await done(association.send_c_store(path))
    await done(association.release())


async def test_an_exact_match_of_the_transfer_syntax_wins(world: World) -> None:
    store = Store()
    contexts = [build_context(CT_IMAGE_STORAGE, IMPLICIT), build_context(CT_IMAGE_STORAGE, EXPLICIT)]
    server = await world.serve(store.bindings, contexts=[build_context(CT_IMAGE_STORAGE, [IMPLICIT, EXPLICIT])])
    association = await world.associate(server, contexts=contexts)
    await done(association.send_c_store(instance(EXPLICIT)))
    await done(association.send_c_store(instance(DEFLATED)))
    assert store.syntaxes == [EXPLICIT, IMPLICIT]
    await done(association.release())


@pytest.mark.parametrize("kind", ["dataset", "path"])
async def test_a_compressed_instance_is_sent_unchanged(world: World, tmp_path: Path, kind: str) -> None:
    from pydicom.encaps import encapsulate

    dataset = instance(JPEG)
    dataset.PixelData = encapsulate([b"\xff\xd8 not really \xff\xd9", b"\xff\xd8 a JPEG \xff\xd9"])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    path = save(dataset, tmp_path / "ct.dcm")
    store = Store()
    association = await storing(world, store, JPEG)
    assert (await done(association.send_c_store(dataset if kind == "dataset" else path))).Status == 0
    content = path.read_bytes()
    assert content.endswith(store.data[0])
    assert dcmread(BytesIO(content[: len(content) - len(store.data[0])] + store.data[0])).PixelData == dataset.PixelData
    await done(association.release())


async def test_group_2_is_never_transmitted_and_the_data_set_of_the_caller_stays_as_it_is(world: World) -> None:
    store = Store()
    association = await storing(world, store, IMPLICIT)
    dataset = instance(IMPLICIT)
    dataset.add_new(0x00020016, "AE", "SOURCE")
    before = copy.deepcopy(dataset)
    assert (await done(association.send_c_store(dataset))).Status == 0
    assert 0x00020016 not in decode(store.data[0], True, True)
    assert dataset == before
    assert dataset.file_meta == before.file_meta
    assert 0x00020016 in dataset
    converted = instance(EXPLICIT)
    before = copy.deepcopy(converted)
    assert (await done(association.send_c_store(converted))).Status == 0
    assert converted == before and converted.file_meta == before.file_meta
    await done(association.release())


async def test_a_data_set_that_contradicts_its_file_meta_is_sent_as_what_it_is(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store()
    association = await storing(world, store, IMPLICIT, BIG)
    dataset = dcmread(save(instance(IMPLICIT), tmp_path / "ct.dcm"))
    dataset.file_meta.TransferSyntaxUID = UID(BIG)
    other = await storing(world, store, BIG)
    with pytest.raises(ValueError, match="no presentation context"):
        await done(other.send_c_store(dataset))
    assert "encoded as" in caplog.text
    assert (await done(association.send_c_store(dataset))).Status == 0
    assert store.syntaxes == [IMPLICIT]
    explicit = dcmread(save(instance(EXPLICIT), tmp_path / "ct2.dcm"))
    explicit.file_meta.TransferSyntaxUID = UID(IMPLICIT)
    with pytest.raises(AttributeError):
        await done(association.send_c_store(explicit))
    await done(other.release())
    await done(association.release())


# -- C-STORE: files -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("chunked", [False, True])
async def test_files_that_are_none_are_refused_and_the_association_stays_usable(
    world: World, tmp_path: Path, chunked: bool
) -> None:
    _config.STORE_SEND_CHUNKED_DATASET = chunked
    store = Store()
    association = await storing(world, store, IMPLICIT)
    with pytest.raises(FileNotFoundError):
        await done(association.send_c_store(tmp_path / "missing.dcm"))
    with pytest.raises(IsADirectoryError):
        await done(association.send_c_store(tmp_path))
    for content in (b"", b"x" * 100, b"\0" * 128, b"\0" * 128 + b"DICX" + b"\0" * 100):
        (tmp_path / "no.dcm").write_bytes(content)
        with pytest.raises(InvalidDicomError):
            await done(association.send_c_store(tmp_path / "no.dcm"))
    whole = save(instance(IMPLICIT), tmp_path / "ct.dcm").read_bytes()
    # Cut off in the middle of the file meta information.
    (tmp_path / "cut.dcm").write_bytes(whole[:170])
    with pytest.raises((InvalidDicomError, AttributeError, EOFError)):
        await done(association.send_c_store(tmp_path / "cut.dcm"))
    assert association.is_established
    assert store.data == []
    assert (await done(association.send_c_store(tmp_path / "ct.dcm"))).Status == 0
    await done(association.release())


async def test_a_file_without_file_meta_elements_is_an_attribute_error(world: World, tmp_path: Path) -> None:
    _config.STORE_SEND_CHUNKED_DATASET = True
    association = await storing(world, Store(), IMPLICIT)
    (tmp_path / "ct.dcm").write_bytes(bytes(128) + b"DICM" + b"\x08\0\x16\0\4\0\0\x001.2\0")
    with pytest.raises(AttributeError, match="0002,0003"):
        await done(association.send_c_store(tmp_path / "ct.dcm"))
    assert association.is_established
    await done(association.release())


async def test_a_file_that_names_itself_only_in_its_data_set_is_sent_unless_files_are_streamed(
    world: World, tmp_path: Path
) -> None:
    store = Store()
    association = await storing(world, store, IMPLICIT)
    nameless = instance(IMPLICIT)
    nameless.preamble = bytes(128)
    nameless.save_as(tmp_path / "ct.dcm", enforce_file_format=False)
    assert (await done(association.send_c_store(tmp_path / "ct.dcm"))).Status == 0
    assert len(store.data) == 1
    _config.STORE_SEND_CHUNKED_DATASET = True
    with pytest.raises(AttributeError, match="0002,0002"):
        await done(association.send_c_store(tmp_path / "ct.dcm"))
    await done(association.release())


async def test_a_file_whose_data_set_is_cut_off_is_sent_as_it_is(world: World, tmp_path: Path) -> None:
    # Its content is not looked at: the receiver finds it cut off.
    path = save(instance(IMPLICIT), tmp_path / "ct.dcm")
    path.write_bytes(path.read_bytes()[:-4])
    store = Store()
    association = await storing(world, store, IMPLICIT)
    assert (await done(association.send_c_store(path))).Status == 0
    assert path.read_bytes().endswith(store.data[0])
    await done(association.release())


@pytest.mark.parametrize("max_pdu", [16382, 0, 131072])
@pytest.mark.parametrize("kind", ["dataset", "path"])
async def test_a_large_data_set_arrives_identical(world: World, tmp_path: Path, max_pdu: int, kind: str) -> None:
    dataset = instance(EXPLICIT)
    dataset.PixelData = bytes(range(256)) * 4 * 8192
    dataset["PixelData"].VR = "OW"
    path = save(dataset, tmp_path / "ct.dcm")
    store = Store()
    ae = world.ae()
    ae.maximum_pdu_size = max_pdu
    contexts = storage(EXPLICIT)
    server = await world.serve(store.bindings, ae=ae, contexts=contexts)
    association = await world.associate(server, contexts=contexts, max_pdu=max_pdu)
    for _ in range(2):
        assert (await done(association.send_c_store(dataset if kind == "dataset" else path))).Status == 0
    content = path.read_bytes()
    assert len(store.data[0]) > 8 << 20
    assert all(content.endswith(data) for data in store.data)
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


@pytest.mark.parametrize("size", [None, 0, 1, 3, 16302, 16303, 16304, 32654, 32655, 32656])
@pytest.mark.parametrize("syntax", [IMPLICIT, DEFLATED])
async def test_odd_and_empty_data_sets_arrive(world: World, tmp_path: Path, size: int | None, syntax: str) -> None:
    # The head of a real file, and a data set of any length around that of one and two fragments.
    path = save(instance(syntax), tmp_path / "ct.dcm")
    content = path.read_bytes()
    length = 132 + 12 + dcmread(path).file_meta.FileMetaInformationGroupLength
    write = Writer(IMPLICIT)
    front, value = write.uids("1.2.3.4"), b"" if size is None else bytes(size)
    data = b"" if size is None else front + write(0x7FE00010, "OW", value)
    expected = data if not len(value) & 1 else front + write(0x7FE00010, "OW", value + b"\0")
    if syntax == DEFLATED and size is not None:
        # Stored, and not compressed: the length is what counts here.
        data = zlib.compress(Writer(EXPLICIT)(0x7FE00010, "OW", value), 0, -zlib.MAX_WBITS)
        expected = data + b"\0" * (len(data) & 1)
    path.write_bytes(content[:length] + data)
    store = Store()
    association = await storing(world, store, syntax)
    assert (await done(association.send_c_store(path))).Status == 0
    assert store.data == [expected]
    await done(association.release())


async def test_several_instances_of_one_file_and_data_set_can_follow_each_other(world: World, tmp_path: Path) -> None:
    path = save(instance(IMPLICIT), tmp_path / "ct.dcm")
    store = Store()
    association = await storing(world, store, IMPLICIT)
    for _ in range(5):
        for what in (path, instance(IMPLICIT)):
            assert (await done(association.send_c_store(what))).Status == 0
        assert (await done(association.send_c_echo())).Status == 0
    assert len(set(store.data)) == 1 and len(store.data) == 10
    await done(association.release())


async def test_a_small_maximum_of_the_peer_is_obeyed(world: World) -> None:
    ae = world.ae()
    ae.maximum_pdu_size = 40
    seen = Recorder()
    store = Store()
    server = await world.serve([*store.bindings, *seen.bindings(evt.EVT_PDU_RECV)], ae=ae)
    association = await world.associate(server)
    assert (await done(association.send_c_store(instance(IMPLICIT)))).Status == 0
    lengths = [event.pdu.pdu_length for event in seen.events if event.pdu.pdu_type == 4]
    assert max(lengths) == 40
    assert len(lengths) > 5
    assert sum(lengths) > len(store.data[0])
    await done(association.release())


async def test_the_rejection_helper_reads_the_codes_of_a_live_rejection(world: World) -> None:
    server = await world.serve()
    server.ae.require_called_aet = True
    assert codes(await world.associate(server)) == (1, 1, 7)
