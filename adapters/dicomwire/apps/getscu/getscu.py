"""``dicomwire getscu addr port -k ...``: retrieve instances over the same association."""

from __future__ import annotations

import logging
import time

import click

from dicomwire import sop_class
from dicomwire.apps._common.options import (
    CONTEXT_SETTINGS,
    REQUESTED_BY_DEFAULT,
    User,
    logging_options,
    requested_syntaxes,
    user_options,
)
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.query import (
    RETRIEVE_FLAGS,
    BadIdentifier,
    Query,
    flag_bytes,
    query_options,
    root_models,
)
from dicomwire.apps._common.requesting import associate, finish
from dicomwire.apps._common.retrieving import Tally, follow, progress, summary
from dicomwire.apps._common.running import run
from dicomwire.apps._common.storage import Destination, destination_options
from dicomwire.apps.getscu.contexts import contexts_for, roles_for, storage_classes, transfer_syntaxes
from dicomwire.service_class import C_GET

LOGGER = application_logger("getscu")

MODELS = root_models(
    sop_class.PatientRootQueryRetrieveInformationModelGet,
    sop_class.StudyRootQueryRetrieveInformationModelGet,
    sop_class.PatientStudyOnlyQueryRetrieveInformationModelGet,
)


@click.command("getscu", context_settings=CONTEXT_SETTINGS)
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
@user_options("GETSCU")
@requested_syntaxes
@logging_options("getscu", logging.INFO)
def getscu(
    user: User,
    syntaxes: list[str] | None,
    query: Query,
    destination: Destination,
    classes: list[str],
    stored: list[str],
    quiet: bool,
) -> int:
    """Retrieve instances from the AE at ADDR PORT over the same association, and write them to files.

    Instances go to the disk as they arrive, whatever their size, under names made of the kind and the UID.
    """
    try:
        identifier = query.identifier(LOGGER)
    except BadIdentifier as error:
        LOGGER.error("%s", error)
        return 1
    tally = Tally()
    storage = destination.storage(LOGGER, tally.stored)
    models = [model.uid for model in MODELS]
    contexts = contexts_for(models, classes, syntaxes or REQUESTED_BY_DEFAULT, stored)
    association = associate(
        user,
        contexts,
        LOGGER,
        negotiation=[*query.negotiation(), *roles_for(contexts, models)],
        handlers=storage.handlers(),
    )
    if association is None:
        return 1
    start = time.monotonic()
    try:
        with progress(tally, quiet=quiet):
            LOGGER.info("Sending Get Request")
            responses = association.send_c_get(identifier, query.model.uid)
            follow(responses, tally, query.model.uid, C_GET, LOGGER)
    except ValueError as error:
        # The peer took some of the contexts, but not that of the model.
        LOGGER.error("%s", error)
        association.release()
        return 1
    except BaseException:
        association.abort()
        raise
    finally:
        storage.discard_all()
    complete = finish(association, LOGGER, association.release)
    summary(tally, time.monotonic() - start, quiet=quiet)
    if not complete:
        return 1
    return int(user.fail and tally.has_failures)


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(getscu, args)
