"""The AEs to make a statement about: those that an application would have, or those of a module."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import click
from attrs import evolve

from dicomwire._logging import reason
from dicomwire.apps._common.describing import describing
from dicomwire.apps._common.exit_codes import FAILED, WRONG_COMMAND_LINE
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.conformance import DescribedEntity

WITH_ENTITIES = ("echoscp", "echoscu", "findscu", "getscu", "movescu", "storescp", "storescu", "wlmscp")
"""The applications that are service class users or providers."""

_MADE_UP = {"addr": ["peer"], "port": ["104"], "paths": ["files"], "source": ["worklist"]}
_A_KEY = ["-k", "QueryRetrieveLevel=STUDY"]


class NoEntity(Exception):
    """There is nothing to make a statement about: the text says why."""

    def __init__(self, text: str, exit_code: int = FAILED) -> None:
        super().__init__(text)
        self.exit_code = exit_code


# -- applications --------------------------------------------------------------------------------------------------
def of_application(name: str, arguments: Sequence[str] = ()) -> list[DescribedEntity]:
    """What the application would open associations as, called with ``arguments``; it opens none.

    Raises:
        NoEntity: there is no such application, or it does not take these arguments.
    """
    if name not in WITH_ENTITIES:
        known = ", ".join(WITH_ENTITIES)
        raise NoEntity(f"{name!r} is none of {known}, and no module:name", WRONG_COMMAND_LINE)
    module = import_module(f"dicomwire.apps.{name}.{name}")
    command: click.Command = getattr(module, name)
    with describing() as found:
        code: int = module.main([*_completed(command, list(arguments)), *arguments])
        if not found:
            raise NoEntity(f"{name} would not begin with these arguments", code or FAILED)
    return [evolve(entity, name=name if not at else f"{name}, as a provider") for at, entity in _users_first(found)]


def _users_first(found: list[DescribedEntity]) -> list[tuple[int, DescribedEntity]]:
    return list(enumerate(sorted(found, key=lambda entity: not entity.proposes())))


def _completed(command: click.Command, given: list[str]) -> list[str]:
    """Options for silence and for what cannot be left out; positional arguments too, if none of them is given."""
    context = command.make_context(command.name, list(given), resilient_parsing=True)
    values, added = context.params, []
    if not any(values.get(name) for name in ("quiet", "verbose", "debug", "log_level")):
        added.append("-q")
    if "keys" in values and not values["keys"] and not values.get("file"):
        added += _A_KEY
    needed = [param.name or "" for param in command.params if isinstance(param, click.Argument)]
    if not any(values.get(name) for name in needed):
        added += [word for name in needed for word in _MADE_UP[name]]
    return added


# -- modules -------------------------------------------------------------------------------------------------------
def in_module(target: str, arguments: Sequence[str] = ()) -> list[DescribedEntity]:
    """The AEs that ``module:name`` is, or gives when it is called.

    Raises:
        NoEntity: there is none.
    """
    if arguments:
        raise NoEntity("arguments are for applications only", WRONG_COMMAND_LINE)
    module_name, _, path = target.partition(":")
    if not module_name or not path:
        raise NoEntity(f"{target!r} is not module:name", WRONG_COMMAND_LINE)
    if "" not in sys.path:
        # What python -m does: modules of the current folder are found.
        sys.path.insert(0, "")
    try:
        value: Any = import_module(module_name)
        for part in path.split("."):
            value = getattr(value, part)
        if callable(value) and not isinstance(value, ApplicationEntityBase):
            value = value()
    except Exception as error:  # whatever a program does when it is imported or called
        raise NoEntity(f"{target}: {type(error).__name__}: {reason(error)}") from error
    values = list(value) if isinstance(value, Iterable) else [value]
    if not values:
        raise NoEntity(f"{target} is empty")
    return [_described(each, target) for each in values]


def _described(value: object, target: str) -> DescribedEntity:
    if isinstance(value, DescribedEntity):
        return value
    if isinstance(value, ApplicationEntityBase):
        return DescribedEntity(ae=value)
    raise NoEntity(f"{target} is {type(value).__name__}, not an AE")
