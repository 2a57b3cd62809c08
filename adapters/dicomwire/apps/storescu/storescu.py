"""``dicomwire storescu addr port path [path ...]``: send files."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import click

from dicomwire.apps._common.connecting import associate
from dicomwire.apps._common.describing import is_describing
from dicomwire.apps._common.exit_codes import DONE, FAILED, OF_USERS
from dicomwire.apps._common.logging_options import logging_options
from dicomwire.apps._common.options import (
    CONTEXT_SETTINGS,
    REQUESTED_BY_DEFAULT,
    User,
    requested_syntaxes,
    user_options,
)
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.progress_bar import progress
from dicomwire.apps._common.running import run, told_if_interrupted
from dicomwire.apps.storescu.default_contexts import default_contexts
from dicomwire.apps.storescu.sending import Outcomes, Sending
from dicomwire.data.files import Found, StoredFile, look_for_files, required_contexts, shown_path
from dicomwire.vocabulary.contexts import PresentationContext, StoragePresentationContexts, build_context

LOGGER = application_logger("storescu")


@click.command("storescu", context_settings=CONTEXT_SETTINGS, epilog=OF_USERS)
@user_options("STORESCU")
@requested_syntaxes
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
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
@logging_options("storescu")
def storescu(
    user: User,
    syntaxes: list[str] | None,
    paths: tuple[Path, ...],
    recurse: bool,
    required: bool,
    jobs: int,
    quiet: bool,
) -> int:
    """Send files, and the files in directories, to the AE at ADDR PORT.

    Files are sent as they are, whatever their size: only one that the peer does not accept in its own transfer
    syntax is converted, if it is uncompressed.  If the association is lost, another one is requested for the files that
    are left, until nothing is stored over two in a row.
    """
    found = look_for_files(paths, recurse=recurse, logger=LOGGER)
    _tell_skipped(found)
    files, skipped = found.files, found.skipped + len(found.empty) + len(found.below)
    tally = Outcomes(failed=found.refused)
    if not files and not is_describing():
        LOGGER.error("No DICOM files to send")
        _summary(tally, skipped, 0.0, quiet=quiet)
        return FAILED if user.fail else DONE
    try:
        contexts = _contexts(files, syntaxes, required=required)
    except ValueError as error:
        LOGGER.error("%s", error)
        return FAILED
    association = associate(user, contexts, LOGGER)
    if association is None:
        return FAILED
    start = time.monotonic()

    def tell() -> None:
        if left := len(files) + found.refused - tally.done:
            LOGGER.error("%d files not sent", left)
            tally.failed += left
        _summary(tally, skipped, time.monotonic() - start, quiet=quiet)

    with told_if_interrupted(tell), progress(len(files), sum(file.size for file in files), quiet=quiet) as advance:
        complete = Sending(user, contexts, files, tally, advance).over(association, jobs)
    tell()
    failed = user.fail and (tally.failed > 0 or skipped > 0)
    return FAILED if failed or not complete else DONE


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


def _summary(tally: Outcomes, skipped: int, seconds: float, *, quiet: bool) -> None:
    if quiet:
        return
    counts = f"{tally.stored} stored, {tally.warnings} stored with a warning, {tally.failed} failed, {skipped} skipped"
    rate = f", {tally.size / seconds / 1e6:.1f} MB/s" if seconds else ""
    click.echo(f"{counts}; {tally.size / 1e6:.1f} MB in {seconds:.1f} s{rate}")


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(storescu, args)
