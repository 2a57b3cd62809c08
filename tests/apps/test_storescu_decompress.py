"""storescu --decompress."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.apps.storescu.decompressing import is_compressed, with_uncompressed
from dicomwire.data.files import StoredFile
from dicomwire.presentation import build_context
from tests.apps.helpers import BIG_ENDIAN, CT, DEFLATED, EXPLICIT, HOST, IMPLICIT, JPEG, MR, RLE, dicom_file, peer

PLAIN = [build_context(CT, [EXPLICIT, IMPLICIT])]


class Store:
    """Notes in which transfer syntax what came."""

    def __init__(self) -> None:
        self.came: list[tuple[str, str]] = []

    def __call__(self, event: evt.Event) -> int:
        self.came.append((str(event.request.AffectedSOPInstanceUID), str(event.context.transfer_syntax)))
        return 0


def decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pydicom decode anything, whatever is installed."""

    def decompress(self: Dataset, *, generate_instance_uid: bool) -> None:
        assert not generate_instance_uid
        self.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian

    monkeypatch.setattr(Dataset, "decompress", decompress)


def test_what_the_peer_does_not_take_goes_uncompressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoding(monkeypatch)
    paths = [dicom_file(tmp_path / "a", instance="1.1", syntax=RLE), dicom_file(tmp_path / "b", instance="1.2")]
    store = Store()
    with peer(contexts=PLAIN, handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert main(["storescu", HOST, server.port, *map(str, paths), "-q"]) == 1
        assert [uid for uid, _ in store.came] == ["1.2"]
        store.came.clear()
        assert main(["storescu", HOST, server.port, *map(str, paths), "-q", "--decompress"]) == 0
    assert sorted(store.came) == [("1.1", EXPLICIT), ("1.2", EXPLICIT)]


def test_what_the_peer_takes_goes_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoding(monkeypatch)
    path = dicom_file(tmp_path / "a", instance="1.1", syntax=JPEG)
    store = Store()
    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert main(["storescu", HOST, server.port, str(path), "-q", "--decompress"]) == 0
    assert store.came == [("1.1", JPEG)]


def test_what_cannot_be_decoded_fails_and_the_others_are_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [dicom_file(tmp_path / "a", instance="1.1", syntax=RLE), dicom_file(tmp_path / "b", instance="1.2")]
    store = Store()
    with peer(contexts=PLAIN, handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert main(["storescu", HOST, server.port, *map(str, paths), "--decompress"]) == 1
    assert [uid for uid, _ in store.came] == ["1.2"]
    err = capsys.readouterr().err
    assert f"E: {paths[0]} not sent: " in err and "Traceback" not in err


def stored(sop_class: str, syntax: str) -> StoredFile:
    return StoredFile(path=Path("x"), size=1, sop_class_uid=sop_class, transfer_syntax_uid=syntax)


@pytest.mark.parametrize(
    ("syntax", "expected"),
    [
        (EXPLICIT, False),
        (IMPLICIT, False),
        (DEFLATED, False),
        (BIG_ENDIAN, False),
        (RLE, True),
        (JPEG, True),
        ("1.2.3", True),
    ],
)
def test_what_is_compressed_is_known_by_its_transfer_syntax(syntax: str, expected: bool) -> None:
    assert is_compressed(stored(CT, syntax)) is expected


def test_a_class_of_compressed_files_is_proposed_uncompressed_too() -> None:
    contexts = [build_context(CT, RLE), build_context(MR, [IMPLICIT])]
    made = with_uncompressed(contexts, [stored(CT, RLE), stored(MR, RLE), stored("1.2.3", EXPLICIT)])
    assert made[:2] == contexts
    assert [(context.abstract_syntax, context.transfer_syntax) for context in made[2:]] == [(CT, [EXPLICIT, IMPLICIT])]
