"""Exit codes: the same for all applications, in docs/reference/exit-codes.md and at the end of each ``--help``."""

from __future__ import annotations

DONE = 0
FAILED = 1
WRONG_COMMAND_LINE = 2
"""As click has it."""

INTERRUPTED = 130
"""As shells have it: 128 and the number of SIGINT."""

NOBODY_READS = 141
"""The same with SIGPIPE: what reads our standard output has ended."""

OF_USERS = (
    "Exit code: 0 if all was done; 1 if anything was refused, skipped, missing or failed, or there was no association; "
    "2 for a wrong command line; 130 after an interruption."
)
OF_PROVIDERS = (
    "Exit code: 0 after an interruption, which is how it ends; 1 if it could not start; 2 for a wrong command line."
)
OF_THE_TUNNEL = "Exit code: 0 when the peer has ended; 1 if there was no connection; 2 for a wrong command line."
OF_THE_DEMO = (
    "Exit code: 0 if everything arrived as it was sent; 1 if not; 2 for a wrong command line; 130 if interrupted."
)
OF_STATEMENTS = (
    "Exit code: 0 if it was written; 1 if there is no such AE, or nowhere to write; 2 for a wrong command line."
)
OF_TRACES = "Exit code: 0 if it was done; 1 if a file cannot be read or written; 2 for a wrong command line."


class CannotStart(Exception):
    """Something is missing that the application needs from the beginning: the text says what and why."""

    exit_code = FAILED
