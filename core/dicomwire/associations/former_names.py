"""Settings of an AE under the names that pynetdicom keeps them in, which subclasses of its AE assign."""

from __future__ import annotations

from typing import Any


def _setting(name: str) -> property:
    """The setting of that name, checked and in force as if it was assigned itself."""

    def get(entity: Any) -> Any:
        return getattr(entity, name)

    def assign(entity: Any, value: Any) -> None:
        setattr(entity, name, value)

    return property(get, assign, doc=f"``{name}``.")


class FormerNames:
    """What subclasses set behind the properties of their AE: a setting lost in silence lets in whom it should refuse.

    The others of pynetdicom's, such as ``_ae_title``, are called the same here.
    """

    _require_called_aet = _setting("require_called_aet")
    _acse_timeout = _setting("acse_timeout")
    _dimse_timeout = _setting("dimse_timeout")
    _network_timeout = _setting("network_timeout")
    _connection_timeout = _setting("connection_timeout")
    _implementation_uid = _setting("implementation_class_uid")
    _implementation_version = _setting("implementation_version_name")
