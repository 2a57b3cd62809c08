"""The value of all deadlines."""

from __future__ import annotations

from attrs import asdict, fields

from dicomwire.upper_layer.limits import Timeouts


def test_a_copy_has_every_value_and_none_in_common() -> None:
    names = [field.name for field in fields(Timeouts)]
    original = Timeouts(**{name: float(number) for number, name in enumerate(names, 1)})
    copied = original.copied()
    assert copied == original and asdict(copied) == {name: float(number) for number, name in enumerate(names, 1)}
    copied.idle = None
    assert original.idle is not None
