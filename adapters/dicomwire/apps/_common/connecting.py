"""What the service class users share: an association, or one line that says why there is none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pydicom.dataset import Dataset

from dicomwire._logging import printable
from dicomwire.apps._common.describing import NothingMoreToAsk, describe
from dicomwire.apps._common.options import User
from dicomwire.apps._common.output import DETAILS, only_own_errors
from dicomwire.associations import events as evt
from dicomwire.associations.explanation import STOPPED_BY_ITSELF, how_it_ended, is_refused_for_good
from dicomwire.blocking import AE, Association
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.data.text_values import joined
from dicomwire.tunnelling import Tunnel
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.sop_classes import uid_to_service_class
from dicomwire.vocabulary.statuses import STATUS_CANCEL, STATUS_FAILURE, code_to_category


def associate(
    user: User,
    contexts: list[PresentationContext],
    logger: logging.Logger,
    *,
    negotiation: Sequence[NegotiationItem] = (),
    handlers: Sequence[evt.EventHandler] = (),
    if_none_accepted: str = "",
    level: int = logging.ERROR,
    refused_for_good: Callable[[], object] = bool,
) -> Association | None:
    """An established association, or None, and the reason is logged.

    ``negotiation`` is what to negotiate beside contexts and the identity of the user; ``if_none_accepted`` tells what
    to do if the peer takes no context; ``level`` is that of the reason, for an association one can do without;
    ``refused_for_good`` is called if the peer would refuse the same request again.
    """
    ae = AE(user.calling_aet)
    network = user.network
    network.apply(ae)
    ae.maximum_pdu_size = network.max_pdu
    # A host that drops our packets would otherwise hold us for minutes.
    ae.connection_timeout = network.acse_timeout or None
    tls = None if user.tls is None else (user.tls, user.addr)
    items = [*negotiation] if user.identity is None else [*negotiation, user.identity]
    if describe(ae, requested=contexts, handlers=handlers, negotiation=items, tls=user.tls_files):
        raise NothingMoreToAsk
    logger.info("Requesting Association")
    try:
        sock = None
        if user.proxy_command is not None:
            tunnel = Tunnel(user.proxy_command)
            sock, handlers = tunnel.sock, [*handlers, (evt.EVT_CONN_CLOSE, _closing(tunnel))]
        with only_own_errors():
            association = ae.associate(
                user.addr,
                user.port,
                contexts,
                ae_title=user.called_aet,
                max_pdu=network.max_pdu,
                ext_neg=items,
                tls_args=tls,
                evt_handlers=handlers,
                sock=sock,
            )
    except OSError as error:
        logger.log(level, "No association with %s port %d: %s", user.addr, user.port, error)
        return None
    if not association.is_established:
        advice = f"; {if_none_accepted}" if if_none_accepted and association.rejected_contexts else ""
        logger.log(level, "No association with %s port %d: %s%s", user.addr, user.port, association.explain(), advice)
        if is_refused_for_good(association):
            refused_for_good()
        return None
    logger.info("Association Accepted")
    DETAILS.info("%s", association.explain())
    if user.identity is not None and user.identity.positive_response_requested:
        if association.acceptor.user_identity is None:
            logger.log(
                level,
                "The peer did not confirm the user identity: aborting; without -rsp (--pos-response) it need not",
            )
            association.abort()
            return None
        logger.info("The peer confirmed the user identity")
    return association


def _closing(tunnel: Tunnel) -> Callable[[evt.Event], None]:
    """The end of the association is that of the program, too."""
    return lambda event: tunnel.close()


@contextmanager
def aborted_by_errors(association: Association) -> Iterator[None]:
    """Whatever the block raises aborts the association: Ctrl-C above all."""
    try:
        yield
    except BaseException:
        association.abort()
        raise


def finish(association: Association, logger: logging.Logger, end: Callable[[], None]) -> bool:
    """Release or abort the association with ``end``; False if it was lost before that."""
    if not association.is_established:
        logger.error("The association was lost: %s", how_it_ended(association))
        return False
    with only_own_errors():
        end()
    if association.is_aborted and end != association.abort:
        # Everything was answered: that the peer could not part nicely spoils nothing.
        logger.warning("The association was not released: %s", association.failure)
    return True


def category(status: int | None) -> str:
    """The category of a status; no answer, and a status nobody knows, is a failure."""
    return STATUS_FAILURE if status is None else code_to_category(status)


def said(status: Dataset, uid: str, message: int, *, cancelled: bool = False) -> str:
    """A status in words: the answer to a request with this command field on this SOP class, which we ``cancelled``."""
    code = status.Status
    table = uid_to_service_class(uid)(None).statuses_for(message)
    kind, text = table.get(code, (category(code), ""))
    parts = [f"status 0x{code:04X} ({f'{kind}: {text}' if text not in ('', kind) else kind})"]
    if comment := status.get("ErrorComment"):
        parts.append(printable(joined(comment)))
    if offending := status.get("OffendingElement"):
        parts.append(f"offending element {joined(offending)}")
    words = ", ".join(parts)
    return f"{words}: {STOPPED_BY_ITSELF}" if kind == STATUS_CANCEL and not cancelled else words
