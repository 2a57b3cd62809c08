"""Subclasses written for pynetdicom set attributes of its AE behind the properties: they are the settings here too."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire.associations.entity_base import ApplicationEntityBase
from tests.support.adapters import World, done


async def test_a_subclass_that_sets_the_private_attribute_does_not_let_in_who_calls_another_title(world: World) -> None:
    ae = world.ae("SERVER")
    ae._require_called_aet = True
    server = await world.serve(ae=ae)
    association = await world.associate(server, ae_title="OTHER")
    assert association.is_rejected
    association = await world.associate(server, ae_title="SERVER")
    assert association.is_established
    await done(association.release())


@pytest.mark.parametrize(
    ("former", "name", "value"),
    [
        ("_ae_title", "ae_title", "OTHER"),
        ("_require_called_aet", "require_called_aet", True),
        ("_require_calling_aet", "require_calling_aet", ["OTHER"]),
        ("_maximum_associations", "maximum_associations", 3),
        ("_maximum_pdu_size", "maximum_pdu_size", 0),
        ("_acse_timeout", "acse_timeout", 7),
        ("_dimse_timeout", "dimse_timeout", 8),
        ("_network_timeout", "network_timeout", None),
        ("_connection_timeout", "connection_timeout", 9.5),
        ("_implementation_uid", "implementation_class_uid", "1.2.3"),
        ("_implementation_version", "implementation_version_name", None),
    ],
)
def test_no_setting_of_a_subclass_is_lost_in_silence(former: str, name: str, value: Any) -> None:
    class Controller(ApplicationEntityBase):
        def __init__(self) -> None:
            super().__init__("OURS")
            setattr(self, former, value)

    controller = Controller()
    assert getattr(controller, name) == value
    assert getattr(controller, former) == value
    assert getattr(ApplicationEntityBase(), name) != value
