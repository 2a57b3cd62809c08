"""``dicomwire movescu addr port -k ...``: have the peer send instances to some AE, which we may be ourselves."""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from functools import partial

import click
from pydicom.dataset import Dataset

from dicomwire.apps._common.connecting import associate
from dicomwire.apps._common.exit_codes import OF_USERS
from dicomwire.apps._common.options import CONTEXT_SETTINGS, User, title_option
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.output_directory import OutputDirectory, destination_options
from dicomwire.apps._common.query import (
    OTHER_MODELS,
    RETRIEVE_FLAGS,
    Query,
    flag_bytes,
    query_options,
    querying,
    root_models,
)
from dicomwire.apps._common.retrieval_totals import Conclusion, Responses, Tally, retrieve
from dicomwire.apps._common.running import run, told_if_interrupted
from dicomwire.apps.movescu.provider import Store, listening, store_options
from dicomwire.blocking import Association
from dicomwire.vocabulary import sop_classes as sop_class
from dicomwire.vocabulary.service_classes import C_MOVE

LOGGER = application_logger("movescu")

MODELS = root_models(
    sop_class.PatientRootQueryRetrieveInformationModelMove,
    sop_class.StudyRootQueryRetrieveInformationModelMove,
    sop_class.PatientStudyOnlyQueryRetrieveInformationModelMove,
)


@click.command("movescu", context_settings=CONTEXT_SETTINGS, epilog=OF_USERS)
@query_options(MODELS, RETRIEVE_FLAGS, flag_bytes)
@title_option("-aem", "--move-aet", default="STORESCP", text="The AE title to send to; the peer has to know it.")
@store_options
@destination_options("With --store: where to write files", "With --store: answer success and keep nothing.")
@querying("movescu", LOGGER, logging.WARNING)
def movescu(
    user: User,
    syntaxes: list[str],
    query: Query,
    identifier: Dataset,
    move_aet: str,
    store: Store | None,
    destination: OutputDirectory,
    quiet: bool,
) -> int:
    """Have the AE at ADDR PORT send instances to the AE with the title --move-aet.

    With --store this program is that AE, as long as it runs: the peer has to know its title, address and port.
    """
    mover = Mover(user.network.dimse_timeout)
    kept = destination if store is not None else OutputDirectory(destination.directory, ignore=True)
    end = Conclusion(mover.tally, time.monotonic(), LOGGER, here=store is not None, fail=user.fail, quiet=quiet)
    with kept.storing(LOGGER, mover.stored) as storage:
        provider = nullcontext() if store is None else listening(store, user, storage.handlers(), LOGGER)
        with told_if_interrupted(end.tell), provider:
            complete = None
            association = associate(
                user, [query.context(syntaxes)], LOGGER, negotiation=query.negotiation(), if_none_accepted=OTHER_MODELS
            )
            if association is not None:
                send = partial(mover.responses, association, identifier, move_aet, query.model.uid)
                complete = retrieve(association, send, mover.tally, query.model.uid, C_MOVE, LOGGER, quiet=quiet)
    return end.code(complete)


class Mover:
    """A C-MOVE whose instances may come to ourselves.

    A peer need not tell how far it has come, and a large study takes longer than a response may: so each instance
    that arrives here counts as a sign of life, and begins the time for the next response anew.
    """

    def __init__(self, timeout: float) -> None:
        self.tally: Tally = Tally()
        self._timeout = timeout
        self._association: Association | None = None
        self._responded = 0.0

    def stored(self, status: int, size: int) -> None:
        """An instance has arrived here."""
        self.tally.stored(status, size)
        if self._association is not None:
            self._association.dimse_timeout = self._timeout + time.monotonic() - self._responded

    def responses(self, association: Association, identifier: Dataset, move_aet: str, model: str) -> Responses:
        """Send the request; what the peer answers to it."""
        self._responded = time.monotonic()
        self._association = association
        for response in association.send_c_move(identifier, move_aet, model):
            self._responded = time.monotonic()
            association.dimse_timeout = self._timeout
            yield response


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(movescu, args)
