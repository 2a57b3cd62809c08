"""Constraints for pip: each requirement that pyproject.toml names, at the lowest version that it allows."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
for requirement in {*project["dependencies"], *project["optional-dependencies"]["quick"]}:
    if found := re.match(r"([\w.-]+)(?:\[[^]]*\])?>=([\w.]+)", requirement):
        print(f"{found[1]}=={found[2]}")
