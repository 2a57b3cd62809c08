"""``dicomwire storescu addr port path [path ...]``: send files."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from attrs import define

from dicomwire._logging import reason
from dicomwire.apps._common.connecting import aborted_by_errors, associate, category, finish
from dicomwire.apps._common.exit_codes import DONE, FAILED, OF_USERS
from dicomwire.apps._common.options import (
    CONTEXT_SETTINGS,
    REQUESTED_BY_DEFAULT,
    User,
    logging_options,
    requested_syntaxes,
    user_options,
)
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.progress_bar import Advance, progress
from dicomwire.apps._common.running import run, told_if_interrupted
from dicomwire.apps.storescu.default_contexts import default_contexts
from dicomwire.blocking import Association
from dicomwire.data.files import Found, StoredFile, look_for_files, required_contexts, shown_path
from dicomwire.vocabulary.contexts import PresentationContext, StoragePresentationContexts, build_context
from dicomwire.vocabulary.statuses import STATUS_SUCCESS, STATUS_WARNING

LOGGER = application_logger("storescu")


@define
class _Tally:
    """What became of the files."""

    stored: int = 0
    warnings: int = 0
    failed: int = 0
    size: int = 0
    """Bytes of the files that were stored."""

    @property
    def successes(self) -> int:
        return self.stored + self.warnings

    @property
    def done(self) -> int:
        return self.successes + self.failed


_MOST_VAIN = 2
"""Associations in a row over which nothing was stored before they were lost: then the rest is given up."""


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
@logging_options("storescu")
def storescu(
    user: User, syntaxes: list[str] | None, paths: tuple[Path, ...], recurse: bool, required: bool, quiet: bool
) -> int:
    """Send files, and the files in directories, to the AE at ADDR PORT.

    Files are sent as they are, whatever their size: only one that the peer does not accept in its own transfer
    syntax is converted, if it is uncompressed.  If the association is lost, another one is requested for the files that
    are left, until nothing is stored over two in a row.
    """
    found = look_for_files(paths, recurse=recurse, logger=LOGGER)
    _tell_skipped(found)
    files, skipped = found.files, found.skipped + len(found.empty) + len(found.below)
    tally = _Tally(failed=found.refused)
    if not files:
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
        complete = _send_all(user, contexts, association, files, tally, advance)
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


def _send_all(
    user: User,
    contexts: list[PresentationContext],
    association: Association | None,
    files: Sequence[StoredFile],
    tally: _Tally,
    advance: Advance,
) -> bool:
    """Send the files, over as many associations as it takes; False if one was lost."""
    numbered, left, vain, complete = enumerate(files), len(files), 0, True
    while association is not None:
        before = tally.successes
        with aborted_by_errors(association):
            left -= _send(association, numbered, tally, advance)
        complete = finish(association, LOGGER, association.release) and complete
        vain = vain + 1 if tally.successes == before else 0
        if not left or vain == _MOST_VAIN:
            break
        # Everybody is to see it who has seen the line before.
        LOGGER.error("Requesting another association for the %d files that are left", left)
        association = associate(user, contexts, LOGGER)
    return complete


def _contexts(files: Sequence[StoredFile], syntaxes: list[str] | None, *, required: bool) -> list[PresentationContext]:
    if required:
        return required_contexts(files)
    if syntaxes is not None:
        return [build_context(item.abstract_syntax or "", syntaxes) for item in StoragePresentationContexts]
    return default_contexts(files, REQUESTED_BY_DEFAULT)


def _send(association: Association, numbered: Iterator[tuple[int, StoredFile]], tally: _Tally, advance: Advance) -> int:
    """Send files as long as there are any and the association lives: how many were tried."""
    tried = 0
    while association.is_established and (item := next(numbered, None)) is not None:
        number, file = item
        tried += 1
        LOGGER.info("Sending file: %s", file.path)
        try:
            response = association.send_c_store(file.path, msg_id=1 + number % 0xFFFF)
        except Exception as error:
            # Of a file that has to be decoded pydicom may raise anything; the next one may be better.
            LOGGER.error("%s not sent: %s", file.path, reason(error))
            tally.failed += 1
        else:
            _judge(file, response.get("Status"), response.get("ErrorComment"), tally)
        advance(file.size)
    return tried


def _judge(file: StoredFile, status: int | None, comment: str | None, tally: _Tally) -> None:
    if status is None:
        LOGGER.error("%s not stored: no answer", file.path)
        tally.failed += 1
        return
    said = f"status 0x{status:04X} ({category(status)})" + (f", {comment}" if comment else "")
    if category(status) == STATUS_SUCCESS:
        LOGGER.info("Stored, %s", said)
        tally.stored += 1
    elif category(status) == STATUS_WARNING:
        LOGGER.warning("%s stored, %s", file.path, said)
        tally.warnings += 1
    else:
        LOGGER.error("%s not stored: %s", file.path, said)
        tally.failed += 1
        return
    tally.size += file.size


def _summary(tally: _Tally, skipped: int, seconds: float, *, quiet: bool) -> None:
    if quiet:
        return
    counts = f"{tally.stored} stored, {tally.warnings} stored with a warning, {tally.failed} failed, {skipped} skipped"
    rate = f", {tally.size / seconds / 1e6:.1f} MB/s" if seconds else ""
    click.echo(f"{counts}; {tally.size / 1e6:.1f} MB in {seconds:.1f} s{rate}")


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(storescu, args)
