"""``dicomwire storescu addr port path [path ...]``: send files."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import click

from dicomwire.apps._common.describing import is_describing
from dicomwire.apps._common.exit_codes import DONE, FAILED, OF_USERS
from dicomwire.apps._common.logging_options import logging_options
from dicomwire.apps._common.options import (
    CONTEXT_SETTINGS,
    REQUESTED_BY_DEFAULT,
    User,
    grouped,
    requested_syntaxes,
    user_options,
)
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.progress_bar import progress
from dicomwire.apps._common.running import run, told_if_interrupted
from dicomwire.apps.storescu.decompressing import with_uncompressed
from dicomwire.apps.storescu.default_contexts import default_contexts
from dicomwire.apps.storescu.name_lists import STANDARD_INPUT, names_in
from dicomwire.apps.storescu.sending import Outcomes, Retries, Sending, begin
from dicomwire.apps.storescu.sending_report import SendingReport, peer_of
from dicomwire.data.files import Found, StoredFile, look_for_files, required_contexts, shown_path
from dicomwire.vocabulary.contexts import PresentationContext, StoragePresentationContexts, build_context

LOGGER = application_logger("storescu")


@click.command("storescu", context_settings=CONTEXT_SETTINGS, epilog=OF_USERS)
@user_options("STORESCU")
@requested_syntaxes
@click.argument("paths", metavar="[PATH...]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--files-from",
    metavar="LIST",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Send also what LIST names, a path a line; - is standard input, and so is - as PATH.",
)
@click.option("-0", "--null", is_flag=True, help="The names in that list end with a NUL: find ... -print0.")
@click.option("-r", "--recurse", is_flag=True, help="Descend into directories.")
@click.option(
    "-cx",
    "--required-contexts",
    "required",
    is_flag=True,
    help="Propose only the pairs of SOP class and transfer syntax that the files have.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Associations at the same time, if the peer accepts as many.",
)
@grouped(
    "retries",
    lambda retries, retry_pause: Retries(retries, retry_pause),
    [
        click.option(
            "--retries",
            type=click.IntRange(min=0),
            default=0,
            metavar="N",
            help="Try up to N times in a row again where there is no association, where it is lost, or where the "
            "peer is out of resources; what was not acknowledged is sent again.",
        ),
        click.option(
            "--retry-pause",
            type=click.FloatRange(min=0, max=60),
            default=1.0,
            metavar="SECONDS",
            help="How long to wait before; each time twice as long, but for a minute at most.",
        ),
    ],
)
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append a line of JSON for each file that is done; the next run with the same FILE goes on from there.",
)
@click.option(
    "--resume/--no-resume",
    default=True,
    help="With --report: leave out what FILE says this peer has stored.",
)
@click.option(
    "--decompress",
    is_flag=True,
    help="Send files whose compression the peer does not take uncompressed, where pydicom can decode them: it needs "
    "NumPy, and for all but RLE a plugin such as pylibjpeg.",
)
@logging_options("storescu")
def storescu(
    user: User,
    syntaxes: list[str] | None,
    paths: tuple[Path, ...],
    files_from: str | None,
    null: bool,
    recurse: bool,
    required: bool,
    jobs: int,
    retries: Retries,
    report: Path | None,
    resume: bool,
    decompress: bool,
    quiet: bool,
) -> int:
    """Send files, and the files in directories, to the AE at ADDR PORT.

    Files are sent as they are, whatever their size: only one that the peer does not accept in its own transfer
    syntax is converted, if it is uncompressed.  If the association is lost, another one is requested for the files that
    are left, until nothing is stored over two in a row; --retries tries harder.

    A run that was interrupted, or that the peer did not survive, goes on where it was with --report: what was
    acknowledged is not sent again.
    """
    named = _named(paths, files_from, null=null)
    found = look_for_files(named, recurse=recurse, logger=LOGGER, but_not=report)
    _tell_skipped(found)
    with nullcontext() if report is None or is_describing() else SendingReport(report, peer_of(user)) as told:
        files = found.files if told is None or not resume else told.left_of(found.files)
        before = len(found.files) - len(files)
        skipped = found.skipped + len(found.empty) + len(found.below)
        tally = Outcomes(failed=found.refused)
        start = time.monotonic()

        def tell() -> None:
            if left := len(files) + found.refused - tally.done:
                LOGGER.error("%d files not sent", left)
                tally.failed += left
            _summary(tally, skipped, before, time.monotonic() - start, quiet=quiet)

        if not files and not is_describing():
            if not before:
                LOGGER.error("No DICOM files to send")
            _summary(tally, skipped, before, 0.0, quiet=quiet)
            return FAILED if user.fail and (tally.failed or skipped or not before) else DONE
        try:
            contexts = _contexts(files, syntaxes, required=required)
        except ValueError as error:
            LOGGER.error("%s", error)
            return FAILED
        if decompress:
            contexts = with_uncompressed(contexts, files)
        association = begin(user, contexts, retries)
        if association is None:
            return FAILED
        start = time.monotonic()
        with told_if_interrupted(tell), progress(len(files), sum(file.size for file in files), quiet=quiet) as advance:
            sending = Sending(user, contexts, files, tally, advance, retries, told, decompress)
            complete = sending.over(association, jobs)
        tell()
        is_told = told is None or told.is_whole
    failed = user.fail and (tally.failed > 0 or skipped > 0)
    return DONE if complete and is_told and not failed else FAILED


def _named(paths: Sequence[Path], files_from: str | None, *, null: bool) -> list[Path]:
    """All that is to be sent, as it was named.

    Raises:
        click.UsageError: that is nothing, or there is no such list.
    """
    is_listed = Path(STANDARD_INPUT) in paths
    if not paths and files_from is None:
        raise click.UsageError("Missing argument 'PATH...': files or folders to send, or --files-from.")
    if null and files_from is None and not is_listed:
        raise click.UsageError("-0 (--null) belongs to --files-from.")
    named = [path for path in paths if path != Path(STANDARD_INPUT)]
    lists = {source: None for source in (files_from, STANDARD_INPUT if is_listed else None) if source is not None}
    for source in lists:
        named += names_in(source, null=null)
    return named


def _tell_skipped(found: Found) -> None:
    """Say which folders were named or met in vain, and that files were."""
    if found.foreign and not LOGGER.isEnabledFor(logging.WARNING):
        LOGGER.error("%d of the files in folders skipped: no DICOM files; -ll warning names them", found.foreign)
    for directory in found.empty:
        LOGGER.error("%s skipped: there are no files in this folder", shown_path(directory))
    for directory in found.below:
        LOGGER.error("%s skipped: a folder; -r (--recurse) descends into it", shown_path(directory))


def _contexts(files: Sequence[StoredFile], syntaxes: list[str] | None, *, required: bool) -> list[PresentationContext]:
    if required:
        return required_contexts(files)
    if syntaxes is not None:
        return [build_context(item.abstract_syntax or "", syntaxes) for item in StoragePresentationContexts]
    return default_contexts(files, REQUESTED_BY_DEFAULT)


def _summary(tally: Outcomes, skipped: int, before: int, seconds: float, *, quiet: bool) -> None:
    if quiet:
        return
    counts = f"{tally.stored} stored, {tally.warnings} stored with a warning, {tally.failed} failed, {skipped} skipped"
    if before:
        counts += f", {before} stored before"
    rate = f", {tally.size / seconds / 1e6:.1f} MB/s" if seconds else ""
    click.echo(f"{counts}; {tally.size / 1e6:.1f} MB in {seconds:.1f} s{rate}")


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(storescu, args)
