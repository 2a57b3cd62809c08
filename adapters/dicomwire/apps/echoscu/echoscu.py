"""``dicomwire echoscu addr port``: is the peer there, and does it talk DICOM?"""

from __future__ import annotations

import click

from dicomwire.apps._common.connecting import aborted_by_errors, associate, category, finish
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
from dicomwire.apps._common.running import run
from dicomwire.vocabulary.contexts import build_context
from dicomwire.vocabulary.sop_classes import Verification
from dicomwire.vocabulary.statuses import STATUS_SUCCESS, STATUS_WARNING

LOGGER = application_logger("echoscu")


@click.command("echoscu", context_settings=CONTEXT_SETTINGS, epilog=OF_USERS)
@user_options("ECHOSCU")
@requested_syntaxes
@click.option("--repeat", type=click.IntRange(min=1), default=1, metavar="N", help="How many echoes to send.")
@click.option("--abort", is_flag=True, help="Abort the association at the end instead of releasing it.")
@logging_options("echoscu")
def echoscu(user: User, syntaxes: list[str] | None, repeat: int, abort: bool, quiet: bool) -> int:
    """Send C-ECHO requests to the AE at ADDR PORT."""
    association = associate(user, [build_context(Verification, syntaxes or REQUESTED_BY_DEFAULT)], LOGGER)
    if association is None:
        return FAILED
    failed = False
    with aborted_by_errors(association):
        for number in range(repeat):
            LOGGER.info("Sending Echo Request (Message ID %d)", _message_id(number))
            status = association.send_c_echo(_message_id(number)).get("Status")
            if status is None and not association.is_established:
                break
            said = "no status" if status is None else f"status 0x{status:04X} ({category(status)})"
            LOGGER.info("Received Echo Response, %s", said)
            if category(status) not in (STATUS_SUCCESS, STATUS_WARNING):
                LOGGER.error("Echo %d of %d failed: %s", number + 1, repeat, said)
                failed = True
    if not finish(association, LOGGER, association.abort if abort else association.release):
        return FAILED
    return FAILED if failed and user.fail else DONE


def _message_id(number: int) -> int:
    return 1 + number % 0xFFFF


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(echoscu, args)
