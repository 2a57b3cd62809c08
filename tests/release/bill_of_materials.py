"""The software bill of materials of a release: CycloneDX 1.6 as JSON, made of the metadata of the wheel.

A library has no versions of what it needs: who installs it has.  So components are named with what is required of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.release.building import hashes_of
from tests.release.readiness import contents

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*([^;]*)(?:;\s*(.*))?")


def write_bill_of_materials(packages: Sequence[Path], version: str) -> Path:
    """Write it beside the packages: the path."""
    (wheel,) = (package for package in packages if package.suffix == ".whl")
    path = wheel.with_name(f"dicomwire-{version}.cdx.json")
    text = json.dumps(bill_of_materials(wheel, packages, version), indent=2, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def bill_of_materials(wheel: Path, packages: Sequence[Path], version: str) -> dict[str, Any]:
    """It as values; the same for the same packages."""
    _, metadata = contents(wheel)
    hashes = hashes_of(packages)
    components = list(map(component, _required(metadata.get_all("Requires-Dist") or [])))
    reference = purl("dicomwire", version)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, hashes[wheel.name])}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": reference,
                "name": "dicomwire",
                "version": version,
                "description": metadata["Summary"],
                "licenses": [{"license": {"id": metadata["License-Expression"]}}],
                "purl": reference,
                "properties": [
                    {"name": f"dicomwire:sha256:{name}", "value": digest} for name, digest in sorted(hashes.items())
                ],
            }
        },
        "components": components,
        "dependencies": [
            {"ref": reference, "dependsOn": sorted(each["bom-ref"] for each in components)},
            *({"ref": each["bom-ref"], "dependsOn": []} for each in components),
        ],
    }


def _required(requirements: Sequence[str]) -> list[tuple[str, str, str]]:
    """Name, versions and extras of each requirement of users: what only developers need is left out."""
    found: dict[str, tuple[str, str, list[str]]] = {}
    for requirement in requirements:
        matched = _REQUIREMENT.fullmatch(requirement)
        assert matched is not None, requirement
        extra = re.search(r"""extra == ['"]([^'"]+)['"]""", matched[3] or "")
        if matched[1] == "dicomwire" or (extra and extra[1] in ("dev", "docs", "mutants", "quick", "release", "test")):
            continue
        _, _, extras = found.setdefault(matched[1].lower(), (matched[1], matched[2].strip(" ()"), []))
        extras.append(extra[1] if extra else "")
    return [(name, versions, " ".join(filter(None, extras))) for name, versions, extras in found.values()]


def component(required: tuple[str, str, str]) -> dict[str, Any]:
    """One requirement; optional if an extra has it."""
    name, versions, extras = required
    properties = [{"name": "dicomwire:required", "value": versions or "any"}]
    if extras:
        properties.append({"name": "dicomwire:extras", "value": extras})
    return {
        "type": "library",
        "bom-ref": purl(name),
        "name": name,
        "purl": purl(name),
        "scope": "optional" if extras else "required",
        "properties": properties,
    }


def purl(name: str, version: str = "") -> str:
    """The package URL of a distribution for Python."""
    return f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}" + (f"@{version}" if version else "")
