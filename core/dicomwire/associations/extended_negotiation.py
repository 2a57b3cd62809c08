"""What an acceptor's handlers say to extended negotiation of a SOP class (PS3.7 D.3.3.5 and D.3.3.6)."""

from __future__ import annotations

from typing import Any

from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.upper_layer.items import SOPClassExtendedItem, UserItem

LOGGER = logger(__name__)


async def common_extended(association: AssociationBase) -> None:
    """Keep what an ``EVT_SOP_COMMON`` handler accepts of the common extended negotiation; there is no answer to it."""
    if evt.EVT_SOP_COMMON not in association.line.handlers.interventions:
        return
    items = association.requestor.sop_class_common_extended
    accepted = await _ask(association, evt.EVT_SOP_COMMON, items=items)
    for uid, item in accepted.items():
        if uid in items:
            try:
                related = [str(related) for related in item.related_general_sop_class_identification]
            except (AttributeError, TypeError):
                LOGGER.error("the EVT_SOP_COMMON handler gave %s, not an item", type(item).__name__)
                continue
            association.line.sides.acceptor.accepted_common[str(uid)] = (str(item.service_class_uid), related)


async def sop_class_extended(association: AssociationBase) -> list[UserItem]:
    """The items that an ``EVT_SOP_EXTENDED`` handler answers with, of those that were asked about."""
    if evt.EVT_SOP_EXTENDED not in association.line.handlers.interventions:
        return []
    information = association.line.sides.requestor.application_information()
    answer = await _ask(association, evt.EVT_SOP_EXTENDED, app_info=information)
    return [
        SOPClassExtendedItem(sop_class_uid=str(uid), service_class_application_information=value)
        for uid, value in answer.items()
        if uid in information and isinstance(value, bytes)
    ]


async def _ask(association: AssociationBase, event: evt.InterventionEvent, **attrs: Any) -> dict[Any, Any]:
    """A mapping from the handler; empty if it raised or gave something else."""
    try:
        answer = await association.line.handlers.intervene(event, **attrs)
    except HandlerRaised:
        return {}
    if isinstance(answer, dict):
        return answer
    LOGGER.error("the %s handler gave %s, not a dictionary", event.name, type(answer).__name__)
    return {}
