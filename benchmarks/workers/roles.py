"""What clients and servers of every library and adapter propose, accept and check: they have the same API."""

from __future__ import annotations

import ssl
from typing import Any

from attrs import define

from benchmarks.tasks import (
    CT_IMAGE_STORAGE,
    EXPLICIT_LITTLE,
    HOST,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    Task,
)
from benchmarks.workers.handlers import read_match

PATIENCE = 300
"""Seconds that pynetdicom may need for a response to a large object, and a server to be given many associations."""

_CONTEXTS = (VERIFICATION, CT_IMAGE_STORAGE, STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE)


def supporting(ae: Any, task: Task) -> Any:
    """An AE that serves, and sends what is retrieved."""
    ae.maximum_associations = 100_000
    ae.maximum_pdu_size = task.maximum_length
    ae.network_timeout = ae.dimse_timeout = PATIENCE
    # In any encoding: that is how DCMTK's echoscu asks.
    ae.add_supported_context(VERIFICATION)
    for syntax in _CONTEXTS[1:]:
        roles = {"scu_role": True, "scp_role": True} if syntax == CT_IMAGE_STORAGE else {}
        ae.add_supported_context(syntax, EXPLICIT_LITTLE, **roles)
    ae.add_requested_context(CT_IMAGE_STORAGE, EXPLICIT_LITTLE)
    return ae


def requesting(ae: Any, *syntaxes: str) -> Any:
    """An AE that asks, for these abstract syntaxes or for all."""
    for syntax in syntaxes or _CONTEXTS:
        ae.add_requested_context(syntax, EXPLICIT_LITTLE)
    return ae


def peer(task: Task) -> tuple[str, int]:
    return ("localhost" if task.tls else HOST), task.port


def negotiation(library: Any, task: Task) -> list[Any] | None:
    """Who gets instances is their SCP."""
    return [library.build_role(CT_IMAGE_STORAGE, scp_role=True)] if task.do == "get" else None


# -- TLS -------------------------------------------------------------------------------------------------------------
def server_context(task: Task) -> ssl.SSLContext | None:
    """Both sides show a certificate, as DCMTK's programs want it."""
    return _context(ssl.PROTOCOL_TLS_SERVER, task) if task.tls else None


def client_context(task: Task) -> tuple[ssl.SSLContext, str] | None:
    return (_context(ssl.PROTOCOL_TLS_CLIENT, task), "localhost") if task.tls else None


def _context(protocol: int, task: Task) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(task.tls)
    context.load_verify_locations(task.tls)
    return context


# -- what comes back -------------------------------------------------------------------------------------------------
def check(status: Any) -> None:
    if status.Status != 0x0000:
        raise RuntimeError(f"status {status.Status:#06x}")


@define
class MatchCounter:
    """Opens each match as it comes."""

    count: int
    """How many there should be."""

    _found: int = 0

    def see(self, status: Any, match: Any) -> None:
        if match is None:
            check(status)
        elif read_match(match):
            self._found += 1

    def check(self) -> None:
        if self._found != self.count:
            raise RuntimeError(f"{self._found} matches, not {self.count}")


def check_retrieved(responses: list[Any], task: Task) -> None:
    status = responses[-1][0]
    check(status)
    if status.NumberOfCompletedSuboperations != task.count:
        raise RuntimeError(f"{status.NumberOfCompletedSuboperations} instances, not {task.count}")
