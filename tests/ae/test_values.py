"""What is sent names and holds what it is: titles, texts, lists and character sets, on both sides."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicomwire import build_context, evt
from dicomwire.data.file_meta import PREAMBLE
from dicomwire.dsutils import create_file_meta, decode, encode, encode_file_meta
from dicomwire.sources import EncodedDataSet
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, World, done, port_of
from tests.support.data_sets import fill
from tests.support.finding import FIND, collect, done_all, joined, match, yielding
from tests.support.scripted import accepting, ask, hear, reply
from tests.support.sessions import element, proposal, request, us
from tests.support.storing import EXPLICIT, IMPLICIT, Store, instance
from tests.support.streams import RELEASE_RP
from tests.support.to_folder import GET, archive, get, granting, query

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
JPIP_DEFLATED = ("1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205")


def status(code: int, **elements: Any) -> Dataset:
    made = Dataset()
    made.Status = code
    fill(made, elements)
    return made


# -- move originator -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("title", "expected"),
    [("  READER  ", "READER"), ("READER\0", "READER"), ("A" * 16, "A" * 16), ("A\\B", None), ("", None)],
)
async def test_instances_moved_name_whoever_asked_for_them(
    world: World, title: str, expected: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Store()
    destination = await world.serve([(evt.EVT_C_STORE, kept)])

    def move(event: evt.Event) -> Iterator[Any]:
        yield LOCALHOST, port_of(destination)
        yield 1
        yield 0xFF00, instance()

    mover = world.ae("ARCHIVE")
    mover.add_requested_context(CT_IMAGE_STORAGE)
    server = await world.serve([(evt.EVT_C_MOVE, move)], ae=mover, contexts=[build_context(MOVE)])
    peer = await world.connect(server)
    asked = bytearray(request([proposal(1, MOVE, IMPLICIT)]).encode())
    asked[26:42] = title.encode().ljust(16)
    await peer.send(bytes(asked))
    assert (await peer.pdu())[0] == 2
    elements = us(0x0700, 2), element(0x0600, b"DEST")
    await peer.send(ask(1, 0x0021, MOVE, *elements, message_id=7, data=encode(match(), True, True)))
    assert [(await hear(peer)).status, (await hear(peer)).status] == [0xFF00, 0x0000]
    (stored,) = kept.requests
    assert (stored.MoveOriginatorApplicationEntityTitle, stored.MoveOriginatorMessageID) == (expected, 7)
    told = [text for text in caplog.messages if "asked for a C-MOVE" in text]
    assert len(told) == (expected is None) and all(f"'{title}'" in text for text in told)


# -- texts in commands ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("a\\b", "a\\b"),
        (["a", "b"], "a\\b"),
        ("x" * 200, "x" * 64),
        ("one\ntwo", "one two"),
        ("Größe", "Gr??e"),
        ("fine", "fine"),
    ],
)
async def test_a_comment_is_one_text_that_a_command_can_hold(
    world: World, given: Any, sent: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = status(0xA700)
    said.add_new(0x00000902, "LO", "")
    said["ErrorComment"]._value = given
    association = await world.join([(evt.EVT_C_STORE, lambda event: said)])
    received = await done(association.send_c_store(instance()))
    assert (received.ErrorComment, received["ErrorComment"].VM) == (sent, 1)
    told = [item for item in caplog.messages if "ErrorComment of a C-STORE-RSP" in item]
    assert bool(told) == (sent != given and not isinstance(given, list))
    # A proxy hands on what it was told.
    again = await world.join([(evt.EVT_C_STORE, lambda event: received)])
    assert (await done(again.send_c_store(instance()))).ErrorComment == sent


@pytest.mark.parametrize(
    ("raw", "shown"),
    [(b"a\\b ", "a\\b"), ("患者".encode(), "患者"), ("Größe ".encode("latin-1"), "Größe"), (b"y" * 300, "y" * 300)],
)
async def test_a_comment_is_shown_as_it_came(world: World, raw: bytes, shown: str) -> None:
    listener = await world.listen()

    async def script() -> None:
        peer = await accepting(listener)
        await hear(peer)
        await peer.send(reply(1, 0x0001, 0xA700, element(0x0902, raw)))
        await peer.pdu()
        await peer.send(RELEASE_RP)

    world.start(script)
    association = await world.associate(listener, contexts=[build_context(CT_IMAGE_STORAGE)])
    received = await done(association.send_c_store(instance()))
    assert received.ErrorComment == shown
    await done(association.release())


# -- lists of failed instances -------------------------------------------------------------------------------------
FAILED = [f"1.2.826.0.1.3680043.8.498.1234567890.{number}" for number in range(2500)]


def in_command(*uids: str) -> bytes:
    """Failed SOP Instance UID List in a command set, as DCMTK sends it."""
    value = "\\".join(uids).encode()
    value += b"\0" * (len(value) & 1)
    return b"\x08\0\x58\0" + len(value).to_bytes(4, "little") + value


@pytest.mark.parametrize("many", [1, 2])
async def test_a_list_in_the_command_set_is_taken_from_there(world: World, many: int, tmp_path: Path) -> None:
    listener = await world.listen()

    async def script() -> None:
        peer = await accepting(listener)
        await hear(peer)
        command = reply(1, 0x0010, 0xC000, us(0x1021, 0), us(0x1022, many), in_command(*FAILED[:many]))
        await peer.send(command)
        await peer.pdu()
        await peer.send(RELEASE_RP)

    world.start(script)
    result = await get(world, listener, tmp_path, storage_classes=[CT_IMAGE_STORAGE])
    assert result.failed_uids == tuple(FAILED[:many])
    assert result.failure is not None
    assert "CT Image Storage was accepted, and other SOP classes were never proposed" in result.failure


async def test_a_list_longer_than_explicit_vr_can_say_arrives(world: World, tmp_path: Path) -> None:
    def handler(event: evt.Event) -> Iterator[Any]:
        yield len(FAILED)
        listed = Dataset()
        listed.FailedSOPInstanceUIDList = FAILED
        yield 0xA702, listed

    contexts = [*granting(CT_IMAGE_STORAGE)[:1], build_context(GET, EXPLICIT)]
    server = await world.serve([(evt.EVT_C_GET, handler)], contexts=contexts)
    result = await get(world, server, tmp_path)
    assert result.failed_uids == tuple(FAILED)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, "1.2.840.10008.1.2.2"])
async def test_long_lists_of_queries_and_matches_arrive(world: World, syntax: str) -> None:
    seen: list[Any] = []

    def handler(event: evt.Event) -> Iterator[Any]:
        seen.append(list(event.identifier.SOPInstanceUID))
        yield 0xFF00, event.identifier

    contexts = [build_context(FIND, syntax)]
    server = await world.serve([(evt.EVT_C_FIND, handler)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    asked = Dataset()
    asked.SOPInstanceUID = FAILED
    (_, found), _ = await collect(association.send_c_find(asked, FIND))
    assert seen == [FAILED] and list(found.SOPInstanceUID) == FAILED
    await done(association.release())


# -- character sets ------------------------------------------------------------------------------------------------
async def test_a_match_that_states_no_set_gets_one_that_holds_it(world: World) -> None:
    association = await joined(world, yielding((0xFF00, match("Müller")), (0xFF00, match("李"))))
    first, second, _ = [found for _, found in await collect(association.send_c_find(match("Ж"), FIND))]
    assert (first.SpecificCharacterSet, first.PatientName) == ("ISO_IR 100", "Müller")
    assert (second.SpecificCharacterSet, second.PatientName) == ("ISO_IR 192", "李")
    await done(association.release())


async def test_a_match_that_its_set_cannot_hold_is_an_error(world: World, caplog: pytest.LogCaptureFixture) -> None:
    bad = match("李")
    bad.SpecificCharacterSet = "ISO_IR 100"
    association = await joined(world, yielding((0xFF00, bad)))
    assert await collect(association.send_c_find(match(), FIND)) == [(0xC312, None)]
    (told,) = [item for item in caplog.messages if "C-FIND handler" in item]
    assert "PatientName (0010,0010)" in told and "ISO_IR 100" in told and "李" not in told and "\n" not in told
    with pytest.raises(ValueError, match="ISO_IR 100 lacks"):
        await done_all(association.send_c_find(bad, FIND))
    stored = instance(PatientName="李", SpecificCharacterSet="ISO_IR 100")
    storing = await world.join()
    with pytest.raises(ValueError, match="ISO_IR 100 lacks"):
        await done(storing.send_c_store(stored))
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


async def test_converting_a_stored_file_keeps_the_bytes_of_its_text(world: World, tmp_path: Path) -> None:
    original = decode(b"\x08\0\x05\0\x0a\0\0\0ISO_IR 192\x10\0\x10\0\x08\0\0\0M\xfcller^\xff", True, True)
    original.SOPClassUID, original.SOPInstanceUID = CT_IMAGE_STORAGE, "1.2.3.4"
    meta = create_file_meta(sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid="1.2.3.4", transfer_syntax=EXPLICIT)
    path = tmp_path / "a.dcm"
    path.write_bytes(PREAMBLE + encode_file_meta(meta) + (encode(original, False, True) or b""))
    kept = Store()
    contexts = [build_context(CT_IMAGE_STORAGE, IMPLICIT)]
    server = await world.serve([(evt.EVT_C_STORE, kept)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    assert (await done(association.send_c_store(path))).Status == 0
    assert b"\x10\0\x10\0\x08\0\0\0M\xfcller^\xff" in kept.data[0]
    await done(association.release())


async def test_what_pydicom_says_of_a_value_is_one_line(world: World, caplog: pytest.LogCaptureFixture) -> None:
    bad = match()
    bad.AcquisitionDuration = 1.5
    # pydicom puts the whole element into its message, in several lines, and a traceback below.
    bad["AcquisitionDuration"]._value = "Doe^Jane"
    association = await joined(world, yielding((0xFF00, bad)))
    assert await collect(association.send_c_find(match(), FIND)) == [(0xC312, None)]
    (told,) = [item for item in caplog.messages if "C-FIND handler" in item]
    assert "AcquisitionDuration (0018,9073)" in told and "\n" not in told and "Doe" not in told
    await done(association.release())


# -- deflated transfer syntaxes ------------------------------------------------------------------------------------
@pytest.mark.parametrize("syntax", JPIP_DEFLATED)
@pytest.mark.parametrize("form", ["data set", "path", "encoded"])
async def test_jpip_referenced_deflate_is_deflated(world: World, syntax: str, form: str, tmp_path: Path) -> None:
    seen: list[Any] = []

    def store(event: evt.Event) -> int:
        inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(event.encoded_dataset(include_meta=False))
        seen.append((event.dataset.PatientName, decode(inflated, False, True).Rows))
        assert len(event.encoded_dataset(include_meta=False)) % 2 == 0
        return 0

    made = instance(PixelDataProviderURL="https://host/" + "x" * 80)
    made.file_meta.TransferSyntaxUID = UID(syntax)
    data = encode(made, False, True, True) or b""
    if data[-1:] == b"\0":
        data = data[:-1]
    what: Any = made
    if form == "encoded":
        what = EncodedDataSet(
            sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid="1.2.3.4", transfer_syntax_uid=syntax, data=data
        )
    elif form == "path":
        meta = create_file_meta(sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid="1.2.3.4", transfer_syntax=syntax)
        what = tmp_path / "a.dcm"
        what.write_bytes(PREAMBLE + encode_file_meta(meta) + data)
    contexts = [build_context(CT_IMAGE_STORAGE, syntax)]
    server = await world.serve([(evt.EVT_C_STORE, store)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    assert (await done(association.send_c_store(what))).Status == 0
    assert seen == [("Test^Patient", 258)]
    await done(association.release())


# -- paths ---------------------------------------------------------------------------------------------------------
async def test_a_path_is_text_too(world: World, tmp_path: Path) -> None:
    instance().save_as(tmp_path / "a.dcm", enforce_file_format=True)

    def handler(event: evt.Event) -> Iterator[Any]:
        yield 1
        yield 0xFF00, str(tmp_path / "a.dcm")

    server = await archive(world, handler)
    entity = world.ae("CLIENT")
    result = await done(entity.get_to_folder(LOCALHOST, port_of(server), query(), str(tmp_path / "got")))
    assert result.is_complete and [path.name for path in result.paths] == ["1.2.3.4.dcm"]
