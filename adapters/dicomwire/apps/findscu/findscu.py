"""``dicomwire findscu addr port -k ...``: what does the peer have?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
from attrs import define
from pydicom.dataset import Dataset

from dicomwire.apps._common.connecting import aborted_by_errors, associate, category, finish, said
from dicomwire.apps._common.describing import is_describing
from dicomwire.apps._common.directories import prepare
from dicomwire.apps._common.exit_codes import DONE, FAILED, OF_USERS
from dicomwire.apps._common.options import CONTEXT_SETTINGS, User
from dicomwire.apps._common.output import application_logger, without_warnings
from dicomwire.apps._common.query import OTHER_MODELS, Model, Query, flag_bytes, query_options, querying, root_models
from dicomwire.apps._common.running import run, told_if_interrupted
from dicomwire.apps.findscu.match_files import MatchFiles
from dicomwire.apps.findscu.match_tables import STANDARD_OUTPUT, Guarded, Several, written_to
from dicomwire.apps.findscu.matches import Show, show_for
from dicomwire.blocking import Association
from dicomwire.dimse.messages import PENDING
from dicomwire.vocabulary import sop_classes as sop_class
from dicomwire.vocabulary.service_classes import C_FIND
from dicomwire.vocabulary.statuses import STATUS_CANCEL, STATUS_SUCCESS, STATUS_WARNING

LOGGER = application_logger("findscu")

MODELS = [
    *root_models(
        sop_class.PatientRootQueryRetrieveInformationModelFind,
        sop_class.StudyRootQueryRetrieveInformationModelFind,
        sop_class.PatientStudyOnlyQueryRetrieveInformationModelFind,
    ),
    Model("worklist", "W", sop_class.ModalityWorklistInformationFind, "modality worklist", has_levels=False),
    Model("ups", "U", sop_class.UnifiedProcedureStepPull, "unified procedure step (pull)", has_levels=False),
]

FLAGS = {
    "relational_query": "relational queries (not with -W)",
    "dt_matching": "combined matching of dates and times (not with -W)",
    "fuzzy_names": "fuzzy matching of person names",
    "timezone_adj": "adjustment of time zones",
    "enhanced_conversion": "conversion between classic and enhanced multi-frame images (not with -W)",
}


def information(model: Model, asked: Mapping[str, bool]) -> bytes | None:
    """What the flags become; a worklist has two bytes that are always 1 in front (PS3.4 K.5)."""
    if model.option != "worklist":
        return flag_bytes(model, asked)
    own = [asked["fuzzy_names"], asked["timezone_adj"]]
    return bytes([True, True, *own]) if any(own) else None


@define
class _Tally:
    """What came of the query."""

    matches: int = 0
    unreadable: int = 0
    final: Dataset | None = None
    is_complete: bool = False
    """It ended as it should."""

    def tell(self) -> None:
        """How many matches came before the query was interrupted."""
        LOGGER.warning("%s before the interruption", self.in_words())

    def in_words(self) -> str:
        return f"{self.matches} match{'' if self.matches == 1 else 'es'}"


@click.command("findscu", context_settings=CONTEXT_SETTINGS, epilog=OF_USERS)
@query_options(MODELS, FLAGS, information)
@click.option("--json", "as_json", is_flag=True, help="Write a line of DICOM JSON for each match, and nothing else.")
@click.option(
    "--jsonl",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="The same to FILE; - is standard output.",
)
@click.option(
    "--csv",
    "csv_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write a table to FILE, - is standard output: a column for each key, a row for each match. What a "
    "spreadsheet would take for a formula has an apostrophe in front.",
)
@click.option("-w", "--write", is_flag=True, help="Write each match to a file: rsp000001.dcm, rsp000002.dcm, ...")
@click.option(
    "-od",
    "--output-directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIRECTORY",
    help="Where to write files; made if it is missing.",
    show_default="current directory",
)
@click.option("--cancel", type=click.IntRange(min=1), metavar="N", help="Cancel the query after N matches.")
@querying("findscu", LOGGER)
def findscu(
    user: User,
    syntaxes: list[str],
    query: Query,
    identifier: Dataset,
    as_json: bool,
    jsonl: str | None,
    csv_file: str | None,
    write: bool,
    output_directory: Path,
    cancel: int | None,
    quiet: bool,
) -> int:
    """Query the AE at ADDR PORT, and show the matches.

    On a terminal they are a table of what was asked for, elsewhere lines with everything that came.
    """
    if as_json and jsonl is not None:
        raise click.UsageError("--json is --jsonl -: one of them will do.")
    jsonl = STANDARD_OUTPUT if as_json else jsonl
    if csv_file is not None and csv_file == jsonl:
        raise click.UsageError(f"--csv and --jsonl cannot both go to {csv_file}.")
    if write and not is_describing():
        prepare(output_directory)
    association = associate(
        user, [query.context(syntaxes)], LOGGER, negotiation=query.negotiation(), if_none_accepted=OTHER_MODELS
    )
    if association is None:
        return FAILED
    tally = _Tally()
    files = None
    if write:
        syntax = association.accepted_contexts[0].transfer_syntax[0]
        files = MatchFiles(output_directory, query.model.uid, syntax, LOGGER)
    with (
        told_if_interrupted(tally.tell),
        aborted_by_errors(association),
        written_to(identifier, csv_file, jsonl) as shows,
    ):
        if STANDARD_OUTPUT not in (csv_file, jsonl):
            shows.append(Guarded(show_for(identifier, quiet=quiet), STANDARD_OUTPUT))
        show = Several(shows)
        try:
            _find(association, query.model.uid, identifier, tally, show, files, cancel)
        finally:
            show.end()
    if not finish(association, LOGGER, association.release):
        return FAILED
    lost = tally.unreadable + (0 if files is None else files.failed)
    return FAILED if user.fail and (lost or not tally.is_complete) else DONE


def _find(
    association: Association,
    model: str,
    identifier: Dataset,
    tally: _Tally,
    show: Show,
    files: MatchFiles | None,
    cancel: int | None,
) -> None:
    LOGGER.info("Sending Find Request")
    for status, match in association.send_c_find(identifier, model):
        if status.get("Status") not in PENDING:
            tally.final = status
            continue
        if tally.matches == cancel:
            # It was on its way when we cancelled.
            continue
        tally.matches += 1
        if match is None:
            LOGGER.error("Match %d cannot be decoded", tally.matches)
            tally.unreadable += 1
        else:
            with without_warnings():
                if files is not None:
                    files.write(tally.matches, match)
                show.match(tally.matches, match)
        if tally.matches == cancel:
            LOGGER.info("Sending Cancel Request")
            association.send_c_cancel(1, query_model=model)
    if tally.final:
        kind = category(tally.final.get("Status"))
        tally.is_complete = kind in (STATUS_SUCCESS, STATUS_WARNING) or (kind == STATUS_CANCEL and cancel is not None)
        level = LOGGER.info if tally.is_complete else LOGGER.error
        words = said(tally.final, model, C_FIND, cancelled=cancel is not None)
        level("%s, %s", tally.in_words(), words)


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(findscu, args)
