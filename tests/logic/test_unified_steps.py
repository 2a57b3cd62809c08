"""Which presentation contexts take a request on UPS Push (PS3.4 CC.2)."""

from __future__ import annotations

import pytest

from dicomwire.dimse.messages import C_FIND_RQ, N_ACTION_RQ, N_CREATE_RQ, N_DELETE_RQ, N_EVENT_REPORT_RQ, N_SET_RQ
from dicomwire.operations.unified_steps import EVENT, PULL, PUSH, QUERY, WATCH, context_classes


@pytest.mark.parametrize(
    ("field", "action", "classes"),
    [
        (N_CREATE_RQ, None, (PUSH,)),
        (N_SET_RQ, None, (PULL, PUSH, WATCH, EVENT, QUERY)),
        (C_FIND_RQ, None, (PULL, WATCH, QUERY, PUSH, EVENT)),
        (N_EVENT_REPORT_RQ, None, (EVENT, WATCH, PUSH, PULL, QUERY)),
        (N_ACTION_RQ, 1, (PULL, PUSH, WATCH, EVENT, QUERY)),
        (N_ACTION_RQ, 2, (PUSH, WATCH, PULL, EVENT, QUERY)),
        (N_ACTION_RQ, 3, (WATCH, PUSH, PULL, EVENT, QUERY)),
        (N_ACTION_RQ, None, (WATCH, PUSH, PULL, EVENT, QUERY)),
        (N_DELETE_RQ, None, (PUSH, WATCH, PULL, EVENT, QUERY)),
    ],
)
def test_those_that_have_the_service_come_first(field: int, action: int | None, classes: tuple[str, ...]) -> None:
    assert context_classes(PUSH, field, action) == classes
    assert context_classes(WATCH, field, action) == (WATCH,)
