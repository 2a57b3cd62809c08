"""Data sets beyond the limits, between two AEs: what the peer is told, and what becomes of the association."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from dicomwire import BrokenDataSet, Limits, build_context, evt
from dicomwire.sources import EncodedDataSet
from tests.support.adapters import CT_IMAGE_STORAGE, World, done
from tests.support.finding import FIND, collect, match

MIB = 1 << 20


def deflated(length: int) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    plain = bytes.fromhex("09001010 4f42 0000") + struct.pack("<L", length - 12) + bytes(length - 12)
    data = compressor.compress(plain) + compressor.flush()
    return data + b"\0" * (len(data) & 1)


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        inner = struct.pack("<HHL", 0xFFFE, 0xE000, len(data)) + data
        data = struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, len(inner)) + inner
    return data


async def finding(world: World, syntax: Any, handler: Any) -> Any:
    contexts = [build_context(FIND, syntax)]
    server = await world.serve([(evt.EVT_C_FIND, handler)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    assert association.is_established
    return association


@pytest.mark.parametrize(
    ("syntax", "identifier", "words"),
    [
        (DeflatedExplicitVRLittleEndian, deflated(2 * MIB + 2), "longer than 2097152 bytes"),
        (ExplicitVRLittleEndian, nested(65), "more than 64 deep"),
        (ExplicitVRLittleEndian, struct.pack("<HH2sH", 9, 16, b"LO", 0) * 40_001, "more than 40000 elements"),
    ],
    ids=["inflated", "nested", "elements"],
)
async def test_an_identifier_beyond_the_limits_fails_the_query_and_nothing_else(
    world: World, syntax: Any, identifier: bytes, words: str
) -> None:
    raised: list[BaseException] = []

    def handler(event: evt.Event) -> Any:
        try:
            assert len(event.identifier)
        except BrokenDataSet as error:
            raised.append(error)
            raise
        return iter(())

    association = await finding(world, syntax, handler)
    encoded: Any = identifier
    answers = await collect(association.send_c_find(encoded, FIND))
    assert [status for status, _ in answers] == [0xC311]
    assert words in str(raised[0])
    assert [status for status, _ in await collect(association.send_c_find(match(), FIND))] == [0x0000]


async def test_an_identifier_of_more_than_2_mib_is_not_even_received(world: World) -> None:
    asked: list[Any] = []
    association = await finding(world, ExplicitVRLittleEndian, asked.append)
    value = struct.pack("<HH2sHL", 9, 0x1010, b"OB", 0, 2 * MIB) + bytes(2 * MIB)
    encoded: Any = value
    answers = await collect(association.send_c_find(encoded, FIND))
    assert [status for status, _ in answers] == [None]
    assert association.is_aborted
    assert not asked


async def test_the_limits_of_an_ae_are_those_of_its_data_sets(world: World) -> None:
    told: list[str] = []

    def handler(event: evt.Event) -> int:
        try:
            assert event.dataset
        except BrokenDataSet as error:
            told.append(str(error))
        return 0x0000

    contexts = [build_context(CT_IMAGE_STORAGE, DeflatedExplicitVRLittleEndian)]
    ae = world.ae()
    ae.limits = Limits(inflated=MIB)
    server = await world.serve([(evt.EVT_C_STORE, handler)], ae=ae, contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    for length in (MIB, MIB + 2):
        instance = EncodedDataSet(
            sop_class_uid=CT_IMAGE_STORAGE,
            sop_instance_uid="1.2.3",
            transfer_syntax_uid=DeflatedExplicitVRLittleEndian,
            data=deflated(length),
        )
        assert (await done(association.send_c_store(instance))).Status == 0x0000
    assert told == [f"deflated data set is longer than {MIB} bytes"]
