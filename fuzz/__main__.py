"""``python -m fuzz list``, ``run TARGET``, ``seeds FOLDER`` and ``replay FILE``."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from fuzz.running import Failed, attempt, run_atheris, run_mutations, write
from fuzz.target import find_the_package, load, names


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked; the exit code, 1 if something was found."""
    find_the_package()
    ours, libfuzzer = _split(sys.argv[1:] if arguments is None else arguments)
    given = _parser().parse_args(ours)
    given.libfuzzer = libfuzzer
    try:
        code: int = given.do(given)
    except KeyError as error:
        print(f"there is no target {error}: {', '.join(names())}", file=sys.stderr)
        return 2
    return code


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What is for us, and behind ``--`` what is for libFuzzer."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m fuzz", description=sys.modules["fuzz"].__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("list", help="the targets, and what each asserts")
    command.set_defaults(do=_list)
    command = commands.add_parser(
        "run", help="run a target, with atheris where it is installed; behind -- what libFuzzer gets"
    )
    command.add_argument("target")
    command.add_argument("--count", type=int, help="executions, at most")
    command.add_argument("--seconds", type=float, help="how long, at most; without any limit ten, or with atheris ever")
    command.add_argument("--seed", type=int, default=0, help="of the random numbers")
    command.add_argument("--without-atheris", action="store_true", help="mutate seeds, always in the same way")
    command.set_defaults(do=_run)
    command = commands.add_parser("seeds", help="write the seed corpus of each target to a folder in FOLDER")
    command.add_argument("folder", type=Path)
    command.add_argument("target", nargs="*", help="only these")
    command.set_defaults(do=_seeds)
    command = commands.add_parser("replay", help="run one input again; the folder it is in names the target")
    command.add_argument("file", type=Path)
    command.add_argument("--target", help="where the folder does not")
    command.set_defaults(do=_replay)
    return parser


def _list(_: argparse.Namespace) -> int:
    for name in names():
        try:
            print(f"{name:20} {load(name).about}")
        except ModuleNotFoundError as error:
            print(f"{name:20} (needs {error.name})")
    return 0


def _run(given: argparse.Namespace) -> int:
    if not given.without_atheris and find_spec("atheris"):
        limits = [] if given.count is None else [f"-runs={given.count}"]
        limits += [] if given.seconds is None else [f"-max_total_time={given.seconds:.0f}"]
        # libFuzzer takes 0 for "any".
        run_atheris(given.target, [*limits, f"-seed={given.seed + 1}", *given.libfuzzer])
    target = load(given.target)
    unlimited = given.count is None and given.seconds is None
    try:
        done = run_mutations(target, count=given.count, seconds=10.0 if unlimited else given.seconds, seed=given.seed)
    except Failed as error:
        path = Path(f"failed-{target.name}")
        path.write_bytes(error.data)
        print(f"{error.__cause__!r}\nThe input is in {path}: python -m fuzz replay {path} --target {target.name}")
        return 1
    print(f"{target.name}: {done} inputs with seed {given.seed}, no failure")
    return 0


def _seeds(given: argparse.Namespace) -> int:
    for name in given.target or names():
        print(f"{name}: {write(given.folder / name, load(name).seeds())} files")
    return 0


def _replay(given: argparse.Namespace) -> int:
    attempt(load(given.target or given.file.resolve().parent.name), given.file.read_bytes())
    print("no failure")
    return 0


if __name__ == "__main__":
    sys.exit(main())
