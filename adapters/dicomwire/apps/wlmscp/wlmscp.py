"""``dicomwire wlmscp port source``: answer queries of a modality worklist until interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from pydicom.dataset import Dataset

from dicomwire._globals import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from dicomwire._logging import printable
from dicomwire.apps._common.describing import is_describing
from dicomwire.apps._common.exit_codes import OF_PROVIDERS
from dicomwire.apps._common.logging_options import logging_options
from dicomwire.apps._common.metrics_endpoint import Address, metrics_of_this_process, metrics_option
from dicomwire.apps._common.options import (
    CONTEXT_SETTINGS,
    PROVIDER_SPELLINGS,
    Provider,
    provider_options,
    supported_syntaxes,
)
from dicomwire.apps._common.output import application_logger, without_warnings
from dicomwire.apps._common.providing import serve
from dicomwire.apps._common.running import run
from dicomwire.apps.wlmscp.worklist_entries import WorklistEntries
from dicomwire.client.failures import ServiceFailed
from dicomwire.data.attribute_matching import Matching
from dicomwire.errors import BrokenDataSet
from dicomwire.providing.service import Provided, Service
from dicomwire.providing.typed_requests import FindRequest
from dicomwire.vocabulary.contexts import build_context
from dicomwire.vocabulary.sop_classes import ModalityWorklistInformationFind, Verification
from dicomwire.vocabulary.typed_status import Status

LOGGER = application_logger("wlmscp")

_WITHOUT_PIXELS = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG)


@click.command("wlmscp", context_settings=CONTEXT_SETTINGS, epilog=OF_PROVIDERS)
@provider_options("WLMSCP")
@supported_syntaxes
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--names-in-any-case", is_flag=True, help="Names of persons match whatever the case of their letters.")
@metrics_option
@logging_options("wlmscp")
def wlmscp(
    provider: Provider,
    syntaxes: list[str],
    source: Path,
    names_in_any_case: bool,
    metrics: Address | None,
    quiet: bool,
) -> int:
    """Answer queries of a modality worklist on PORT (0: any free one, and it says which) until interrupted.

    SOURCE is a file or a folder of them: worklist files, .wl or .dcm (DICOM) or .json (DICOM JSON), and tables, .csv,
    whose header has keywords, as PatientName,PatientID,Modality,RequestedProcedureCodeSequence.CodeValue.  What has
    changed is read again when somebody asks.
    """
    entries = WorklistEntries(source)
    if not is_describing():
        entries.begin()
    service = worklist_service(entries, names_in_any_case=names_in_any_case)
    usable = [syntax for syntax in syntaxes if syntax in _WITHOUT_PIXELS]
    contexts = [build_context(uid, usable) for uid in (ModalityWorklistInformationFind, Verification)]
    with metrics_of_this_process(None if is_describing() else metrics, LOGGER) as observers:
        return serve(provider, contexts, Provided([service]).handlers(), LOGGER, observers)


def worklist_service(entries: WorklistEntries, *, names_in_any_case: bool) -> Service:
    """What answers from ``entries``."""
    service = Service()

    @service.worklist
    def answered(request: FindRequest) -> Iterator[Dataset]:
        try:
            with without_warnings():
                matching = Matching(request.identifier, names_in_any_case=names_in_any_case)
        except BrokenDataSet as error:
            LOGGER.error("A query of %s: %s", printable(request.calling_title), error)
            raise ServiceFailed(Status.CANNOT_UNDERSTAND.because("the identifier cannot be decoded")) from error
        try:
            now = entries.now()
        except OSError as error:
            LOGGER.error("The worklist cannot be read: %s", error)
            raise ServiceFailed(Status.CANNOT_UNDERSTAND.because("the worklist cannot be read")) from error
        found = [entry for entry in now if matching.matches(entry)]
        LOGGER.info("%d of %d entries for %s", len(found), len(now), printable(request.calling_title))
        for entry in found:
            if request.is_cancelled:
                raise ServiceFailed(Status.CANCEL)
            yield matching.answer(entry)

    return service


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(wlmscp, args, PROVIDER_SPELLINGS)
