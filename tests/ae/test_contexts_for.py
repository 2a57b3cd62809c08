"""Sending files with the contexts that were derived from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomwire import build_context, contexts_for, evt
from tests.apps.helpers import CT, EXPLICIT, IMPLICIT, JPEG, MR, dicom_file
from tests.support.adapters import World, done, keep


async def test_files_are_sent_as_they_are_over_the_contexts_derived_from_them(world: World, tmp_path: Path) -> None:
    paths = [
        dicom_file(tmp_path / f"{number}.dcm", sop_class=sop_class, instance=f"1.2.{number}", syntax=syntax)
        for number, (sop_class, syntax) in enumerate([(CT, JPEG), (CT, EXPLICIT), (MR, IMPLICIT), (CT, JPEG)])
    ]
    seen: list[tuple[str, str]] = []

    def store(event: evt.Event) -> int:
        answer: int = keep(seen, (str(event.request.AffectedSOPInstanceUID), str(event.context.transfer_syntax)), 0)
        return answer

    server = await world.serve(
        [(evt.EVT_C_STORE, store)], contexts=[build_context(CT, [IMPLICIT, EXPLICIT, JPEG]), build_context(MR)]
    )
    association = await world.associate(server, contexts=contexts_for(tmp_path))
    assert len(association.accepted_contexts) == 3
    for path in paths:
        assert (await done(association.send_c_store(path))).Status == 0
    assert seen == [("1.2.0", JPEG), ("1.2.1", EXPLICIT), ("1.2.2", IMPLICIT), ("1.2.3", JPEG)]
    await done(association.release())


async def test_nothing_to_send_is_no_context(world: World, tmp_path: Path) -> None:
    server = await world.serve()
    with pytest.raises(RuntimeError, match="no presentation contexts"):
        await world.associate(server, contexts=contexts_for(tmp_path))
