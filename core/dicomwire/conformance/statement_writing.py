"""Conformance statements as Markdown and as HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from dicomwire.conformance.statement_blocks import Paragraph, Part, Section, Statement, Table

_SPECIAL = re.compile(r"([\\`*\[\]<>|]|(?<!\w)_|_(?!\w))")
_BEGINNING = re.compile(r"^(\s*)([#+-]|\d+[.)])")


def as_markdown(statement: Statement) -> str:
    """The statement as Markdown with tables; what is special there is escaped."""
    lines = [f"# {_plain(statement.title)}", ""]
    lines += _markdown(statement.parts, "", 2)
    return "\n".join(lines).rstrip("\n") + "\n"


def _markdown(parts: tuple[Part, ...], above: str, level: int) -> Iterator[str]:
    count = 0
    for part in parts:
        match part:
            case Paragraph(text):
                yield from (_BEGINNING.sub(r"\1\\\2", _plain(text)), "")
            case Table(head, rows):
                yield _row(head)
                yield _row(("---",) * len(head))
                yield from map(_row, rows)
                yield ""
            case Section(title, inner):
                count += 1
                number = f"{above}.{count}" if above else str(count)
                yield from (f"{'#' * min(level, 6)} {number} {_plain(title)}", "")
                yield from _markdown(inner, number, level + 1)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell if cell == '---' else _plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """Text that means nothing to Markdown, in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem }}
h1, h2, h3, h4, h5, h6, p, a, td {{ overflow-wrap: break-word }}
h1, h2, h3, h4, h5, h6 {{ line-height: 1.25; margin: 1.6em 0 .5em }}
nav ol {{ list-style: none; padding-left: 0; columns: 20rem; font-size: .9rem }}
div {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-size: .9rem; min-width: 20rem }}
th, td {{ border: 1px solid #8886; padding: .3rem .5rem; text-align: left; vertical-align: top }}
th {{ background: #8882 }}
td {{ min-width: 4.5rem }}
a:focus-visible {{ outline: 2px solid }}
@media print {{ nav {{ display: none }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<nav aria-label="Contents"><ol>
{contents}
</ol></nav>
<main>
{body}
</main>
</body>
</html>
"""


def as_html(statement: Statement) -> str:
    """The statement as one page that loads nothing from elsewhere; all text is escaped."""
    contents: list[str] = []
    body = list(_html(statement.parts, "", 2, contents))
    return _PAGE.format(title=escape(statement.title), contents="\n".join(contents), body="\n".join(body))


def _html(parts: tuple[Part, ...], above: str, level: int, contents: list[str]) -> Iterator[str]:
    count = 0
    for part in parts:
        match part:
            case Paragraph(text):
                yield f"<p>{escape(text)}</p>"
            case Table(head, rows):
                heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
                yield f'<div tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>'
                for row in rows:
                    yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
                yield "</tbody></table></div>"
            case Section(title, inner):
                count += 1
                number = f"{above}.{count}" if above else str(count)
                named = f"{number} {escape(title)}"
                if level < 5:
                    contents.append(f'<li><a href="#s{number}">{named}</a></li>')
                heading = f"h{min(level, 6)}"
                yield f'<{heading} id="s{number}">{named}</{heading}>'
                yield from _html(inner, number, level + 1, contents)
