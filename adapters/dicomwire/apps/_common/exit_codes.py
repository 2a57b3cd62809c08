"""Exit codes: the same for all applications, in docs/reference/exit-codes.md and at the end of each ``--help``."""

from __future__ import annotations

DONE = 0
FAILED = 1
INTERRUPTED = 130
"""As shells have it: 128 and the number of SIGINT.  A wrong command line is 2, by click."""

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


class CannotStart(Exception):
    """Something is missing that the application needs from the beginning: the text says what and why."""
