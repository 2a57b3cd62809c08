"""``dicomwire getscu addr port -k ...``: retrieve instances over the same association."""

from __future__ import annotations

import logging
import time
from functools import partial

import click
from pydicom.dataset import Dataset

from dicomwire.apps._common.connecting import associate
from dicomwire.apps._common.exit_codes import FAILED, OF_USERS
from dicomwire.apps._common.options import CONTEXT_SETTINGS, User
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
from dicomwire.apps._common.retrieval_totals import Conclusion, Tally, retrieve
from dicomwire.apps._common.running import run, told_if_interrupted
from dicomwire.apps.getscu.storage_proposals import contexts_for, roles_for, storage_classes, transfer_syntaxes
from dicomwire.vocabulary import sop_classes as sop_class
from dicomwire.vocabulary.service_classes import C_GET

LOGGER = application_logger("getscu")

MODELS = root_models(
    sop_class.PatientRootQueryRetrieveInformationModelGet,
    sop_class.StudyRootQueryRetrieveInformationModelGet,
    sop_class.PatientStudyOnlyQueryRetrieveInformationModelGet,
)


@click.command("getscu", context_settings=CONTEXT_SETTINGS, epilog=OF_USERS)
@query_options(MODELS, RETRIEVE_FLAGS, flag_bytes)
@destination_options(ignored="Receive, and keep nothing.")
@click.option(
    "-sc",
    "--storage-class",
    "classes",
    multiple=True,
    callback=storage_classes,
    metavar="CLASS",
    help="Take instances of this SOP class, a keyword as CTImageStorage or a UID, and only of those given so; "
    "compressed ones too.",
    show_default="many, uncompressed",
)
@click.option(
    "-ts",
    "--transfer-syntax",
    "stored",
    multiple=True,
    callback=transfer_syntaxes,
    metavar="SYNTAX",
    help="Take instances in this transfer syntax, a keyword as JPEG2000Lossless or a UID, and only in those given so; "
    "for peers that choose one for all.",
)
@querying("getscu", LOGGER, logging.WARNING)
def getscu(
    user: User,
    syntaxes: list[str],
    query: Query,
    identifier: Dataset,
    destination: OutputDirectory,
    classes: list[str],
    stored: list[str],
    quiet: bool,
) -> int:
    """Retrieve instances from the AE at ADDR PORT over the same association, and write them to files.

    Instances go to the disk as they arrive, whatever their size, under names made of the kind and the UID.
    """
    tally = Tally()
    models = [model.uid for model in MODELS]
    contexts = contexts_for(models, classes, syntaxes, stored)
    with destination.storing(LOGGER, tally.stored) as storage:
        association = associate(
            user,
            contexts,
            LOGGER,
            negotiation=[*query.negotiation(), *roles_for(contexts, models)],
            handlers=storage.handlers(),
            if_none_accepted=OTHER_MODELS,
        )
        if association is None:
            return FAILED
        start = time.monotonic()
        send = partial(association.send_c_get, identifier, query.model.uid)
        end = Conclusion(tally, start, LOGGER, here=True, fail=user.fail, quiet=quiet)
        with told_if_interrupted(end.tell):
            complete = retrieve(association, send, tally, query.model.uid, C_GET, LOGGER, quiet=quiet)
    return end.code(complete)


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(getscu, args)
