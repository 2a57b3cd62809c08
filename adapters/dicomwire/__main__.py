"""``python -m dicomwire <application>``, also installed as ``dicomwire``."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module

from dicomwire._version import __version__

APPLICATIONS = {
    "conformance": "the DICOM conformance statement of an application or of your AE",
    "demo": "a bit of everything through every adapter, on this machine alone",
    "echoscp": "answer C-ECHO",
    "echoscu": "send C-ECHO: is the peer there?",
    "explain": "what does a peer support, or what happened in a recording?",
    "findscu": "query: what does the peer have?",
    "getscu": "retrieve instances over the same association",
    "movescu": "have the peer send instances to some AE",
    "storescp": "receive instances and write them to files",
    "storescu": "send files",
    "trace": "show what was recorded with --trace",
    "tunnel": "carry bytes between a peer and the standard input and output",
    "wlmscp": "answer worklist queries from files or a table",
}

_NEEDED = ("click", "rich")
_NOBODY_READS = 141
"""As in ``apps/_common/exit_codes.py``, which is not loaded for this."""

_NO_ROOM = {getattr(errno, name, None) for name in ("ENOSPC", "EDQUOT", "EFBIG")}
_SHELLS = ("bash", "fish", "zsh")
_COMPLETING = "dicomwire.apps._common.completing"
_COMPLETE = "_DICOMWIRE_COMPLETE"
"""Set by the function that a shell has from ``--show-completion``, when it asks for words."""


def usage() -> str:
    """How to call this, and what there is to call."""
    lines = ["Usage: dicomwire <application> [options]", "       dicomwire --version"]
    lines += [f"       dicomwire --show-completion {'|'.join(_SHELLS)}", "", "Applications:"]
    lines += [f"  {name:12} {what}" for name, what in sorted(APPLICATIONS.items())]
    lines += ["", "dicomwire <application> --help tells its options."]
    return "\n".join(lines)


def main(args: list[str] | None = None) -> int:
    """Run the application that ``args`` (default: the command line) begins with; its exit code."""
    try:
        code = _run(args)
        if code == 0 and sys.stdout is not None:
            # Here, and not at the end of Python, where nobody can catch what becomes of it.
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        return _without_output(_NOBODY_READS)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        print(f"E: Standard output cannot be written: {error.strerror}", file=sys.stderr)
        return _without_output(1)


def _without_output(code: int) -> int:
    import_module("dicomwire.apps._common.output").drop_output()
    return code


def _run(args: list[str] | None) -> int:
    given = sys.argv[1:] if args is None else list(args)
    name = given[0] if given else ""
    if name == "--version":
        print(__version__)
        return 0
    if name in ("-h", "--help"):
        print(usage())
        return 0
    is_asked = args is None and _COMPLETE in os.environ
    if name not in APPLICATIONS and name != "--show-completion" and not is_asked:
        if name:
            print(f"There is no application {name!r}.\n", file=sys.stderr)
        print(usage(), file=sys.stderr)
        return 2
    try:
        if is_asked:
            return import_module(_COMPLETING).answer_shell(APPLICATIONS)  # type: ignore[no-any-return]
        if name == "--show-completion":
            return _show_completion(given[1:])
        application = import_module(f"dicomwire.apps.{name}.{name}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _NEEDED:
            raise
        print(f"{missing} is not installed, which the applications need: pip install dicomwire[apps]", file=sys.stderr)
        return 1
    return int(application.main(given[1:]))


def _show_completion(shells: list[str]) -> int:
    if len(shells) != 1 or shells[0] not in _SHELLS:
        print(f"Usage: dicomwire --show-completion {'|'.join(_SHELLS)}", file=sys.stderr)
        return 2
    print(import_module(_COMPLETING).completion_script(shells[0], APPLICATIONS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
