"""The presentation contexts that a typed handler's instances need at the destination of a C-MOVE."""

from __future__ import annotations

from pathlib import Path

from dicomwire.providing.answering import contexts_of
from dicomwire.sources import EncodedDataSet
from tests.support.storing import EXPLICIT, IMPLICIT, JPEG, instance, save

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


def pairs(*instances: object) -> list[tuple[str, list[str]]]:
    return [
        (str(context.abstract_syntax), list(map(str, context.transfer_syntax)))
        for context in contexts_of(instances)  # type: ignore[arg-type]
    ]


def test_data_sets_need_their_own_transfer_syntax_once() -> None:
    assert pairs(instance(JPEG), instance(JPEG, SOPInstanceUID="1.2"), instance(IMPLICIT)) == [
        (CT_IMAGE_STORAGE, [JPEG]),
        (CT_IMAGE_STORAGE, [IMPLICIT]),
    ]


def test_files_are_looked_into(tmp_path: Path) -> None:
    path = save(instance(EXPLICIT), tmp_path / "a.dcm")
    for given in (path, str(path)):
        [(uid, syntaxes)] = pairs(given)
        assert uid == CT_IMAGE_STORAGE
        assert EXPLICIT in syntaxes


def test_encoded_ones_say_it() -> None:
    encoded = EncodedDataSet(
        sop_class_uid="1.2.3", sop_instance_uid="1.2.3.4", transfer_syntax_uid=EXPLICIT, data=[b""]
    )
    assert pairs(encoded) == [("1.2.3", [EXPLICIT])]


def test_for_bytes_the_usual_ones_have_to_do(tmp_path: Path) -> None:
    data = save(instance(EXPLICIT), tmp_path / "a.dcm").read_bytes()
    assert len(pairs(data)) > 100
    assert pairs() == []
