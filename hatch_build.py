"""What hatchling asks while it builds: README.md with links that lead somewhere on a package index.

In the repository its links are paths.  With ``source-url`` of pyproject.toml, or DICOMWIRE_SOURCE_URL of the
environment, they become addresses below that, in which ``{version}`` is filled in, and the package says where its
source is.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)(\[[^\[\]]*\]\()(?!https?:|mailto:|#)([^)\s]+)\)")
_FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"^<!--.*?-->\n", re.MULTILINE)


def with_addresses(text: str, base: str) -> str:
    """A document of the repository whose links begin with ``base``; code stays, comments go.

    Where a forge shows pages of files as "blob", it gives files as "raw": pictures need those.
    """

    def addressed(link: re.Match[str]) -> str:
        there = base.replace("/blob/", "/raw/") if link[1] else base
        return f"{link[1]}{link[2]}{there}/{link[3]})"

    parts = _FENCED.split(text)
    parts[::2] = [_COMMENT.sub("", _LINK.sub(addressed, part)) for part in parts[::2]]
    return "".join(parts)


class CustomMetadataHook(MetadataHookInterface):
    """Fills in what pyproject.toml calls dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = Path(self.root, "README.md").read_text("utf-8")
        version = metadata.get("version") or _version(Path(self.root))
        base = os.environ.get("DICOMWIRE_SOURCE_URL") or self.config.get("source-url", "")
        base = base.replace("{version}", version).rstrip("/")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": with_addresses(text, base) if base else text,
        }
        metadata["urls"] = {"Source": base, "Changelog": f"{base}/CHANGELOG.md"} if base else {}


def _version(root: Path) -> str:
    found = re.search(r'"([^"]+)"', (root / "core/dicomwire/_version.py").read_text("utf-8"))
    assert found is not None
    return found[1]
