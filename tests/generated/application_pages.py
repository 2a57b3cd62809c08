"""docs/reference/applications/: a page for each application, made of its options."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import click

from dicomwire.__main__ import APPLICATIONS
from tests.generated.application_examples import EXAMPLES
from tests.generated.markdown import NOTE, table

_COMPLETION = """## Completion

bash, zsh and fish complete applications, options, and the values that an option may have. For bash the line
`eval "$(dicomwire --show-completion bash)"` goes into `~/.bashrc`, for zsh the same with `zsh` into `~/.zshrc`; for
fish `dicomwire --show-completion fish > ~/.config/fish/completions/dicomwire.fish` is run once."""


def overview() -> str:
    """The page that leads to the others."""
    rows = ((f"[`{name}`](applications/{name}.md)", what) for name, what in sorted(APPLICATIONS.items()))
    return "\n\n".join(
        [
            "# The applications",
            NOTE,
            "`dicomwire` and the name of one of these, with the extra `apps`; `python -m dicomwire` is the same. "
            "[One table](exit-codes.md) has the exit codes.",
            table(("Application", "What it does"), rows),
            _COMPLETION + "\n",
        ]
    )


def page(name: str) -> str:
    """The page of one."""
    command: click.Command = getattr(import_module(f"dicomwire.apps.{name}.{name}"), name)
    example = "\n".join(["```sh", *EXAMPLES[name], "```"])
    parts = [f"# dicomwire {name}", NOTE, *_command(command, f"dicomwire {name}", "##", example)]
    parts.append(f"{_prose(command.epilog or '')} [More about exit codes](../exit-codes.md).")
    return "\n\n".join(parts) + "\n"


def _command(command: click.Command, called: str, level: str, *examples: str) -> list[str]:
    context = click.Context(command, info_name=called)
    pieces = " ".join(command.collect_usage_pieces(context))
    parts = [*map(_prose, _paragraphs(command)), f"```text\n{called} {pieces}\n```", *examples]
    options = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    if options:
        parts.append(table(("Option", "Meaning"), map(_option, options)))
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            parts.append(f"{level} {called} {name}")
            parts += _command(command.commands[name], f"{called} {name}", level + "#")
    return parts


def _paragraphs(command: click.Command) -> list[str]:
    text = inspect.cleandoc(command.help or "")
    return [" ".join(part.split()) for part in text.split("\n\n")]


def _prose(text: str) -> str:
    return re.sub(r"([<>*|])", r"\\\1", " ".join(text.split()))


def _option(option: click.Option) -> tuple[str, str]:
    names = [f"`{name}`" for name in (*option.opts, *option.secondary_opts)]
    kind = "" if option.is_flag or option.count else option.metavar or _kind(option)
    meaning = option.help or ""
    if option.multiple and "epeat" not in meaning:
        meaning += " May be given several times."
    if option.envvar and option.show_envvar:
        meaning += f" Also in the environment: {option.envvar}."
    default = _default(option)
    said = f" Default: {default}." if default else ""
    return f"{', '.join(names)} {_prose(kind)}".rstrip(), _prose(meaning) + said


def _kind(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " or ".join(map(str, option.type.choices))
    return option.type.name.split()[0].upper().removesuffix("_RANGE").replace("INTEGER", "NUMBER")


def _default(option: click.Option) -> str:
    if isinstance(option.show_default, str):
        return _prose(option.show_default)
    default = option.default
    if option.is_flag and option.secondary_opts:
        return f"`{(option.opts if default else option.secondary_opts)[0]}`"
    is_one = isinstance(default, str | int | float) and not isinstance(default, bool)
    return _prose(f"{default:g}" if isinstance(default, float) else str(default)) if is_one and default != "" else ""
