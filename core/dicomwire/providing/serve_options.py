"""What ``serve`` of the adapters takes beside the address and the services."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from dicomwire.associations import events as evt
from dicomwire.associations.allowed import Allowed
from dicomwire.client.opening_client import OWN_TITLE, check_limits, check_trace
from dicomwire.providing.service import Provided, Service
from dicomwire.upper_layer.limits import Limits, Timeouts
from dicomwire.vocabulary.contexts import PresentationContext

if TYPE_CHECKING:
    from dicomwire.tracing.trace_records import Recorder

_OF_THE_ENTITY = ("title", "limits", "timeouts", "allowed", "maximum_associations")


class ServedOptions(TypedDict, total=False):
    """Keywords of ``serve``, the same in every adapter."""

    title: str
    """Our AE title: ``"DICOMWIRE"`` by default.  Peers may call us by any."""

    contexts: Sequence[PresentationContext] | None
    """The presentation contexts to accept, in place of those that the services have handlers for."""

    handlers: Sequence[evt.EventHandler]
    """More handlers of events, as for ``AE.start_server``."""

    timeouts: Timeouts | None
    """The deadlines of all phases."""

    limits: Limits | None
    """The sizes of what is taken."""

    allowed: Allowed | None
    """Which networks and titles may open associations."""

    maximum_associations: int
    """How many associations may run at a time: 10 by default."""

    trace: Recorder | None
    """Where associations are recorded."""

    entity: Any
    """An AE of this adapter to serve for, in place of a new one with the settings above."""


class Serving(NamedTuple):
    """What a server is made of."""

    entity: Any
    handlers: list[evt.EventHandler]
    contexts: list[PresentationContext]


def serving_of(kind: type[Any], services: Iterable[Service], options: ServedOptions, *args: Any) -> Serving:
    """The AE, the handlers and the contexts for ``serve``; ``args`` are more arguments of an AE of this ``kind``.

    Raises:
        TypeError, ValueError: a bad argument.
    """
    provided = Provided(services)
    entity = options.get("entity")
    given = [name for name in _OF_THE_ENTITY if options.get(name) is not None]
    if entity is None:
        entity = kind(options.get("title", OWN_TITLE), *args)
        if "limits" in given:
            check_limits(options.get("limits"))
        for name in given:
            if name != "title":
                setattr(entity, name, options.get(name))
    elif not isinstance(entity, kind):
        raise TypeError(f"'entity' must be an AE of this adapter, not {type(entity).__name__}")
    elif given:
        raise TypeError(f"{given[0]!r} is a setting of the entity: give that, or an entity")
    check_trace(options.get("trace"))
    contexts = options.get("contexts")
    return Serving(
        entity,
        [*provided.handlers(), *options.get("handlers", ())],
        provided.contexts() if contexts is None else list(contexts),
    )
