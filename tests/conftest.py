"""One profile for all property tests, so that a slow or busy machine is no reason to fail."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

# How long an example takes says how busy the machine is and nothing of the code: there is no deadline, and no
# complaint about slow inputs (the first look into pydicom's dictionaries takes longer than a thousand examples).
settings.register_profile("dicomwire", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
# The same examples each time, and none kept: for CI, and for a checkout that cannot be written to.
settings.register_profile("dicomwire-ci", settings.get_profile("dicomwire"), derandomize=True, database=None)
# Where one that fails is enough, as a mutant is found then (tests/mutants), or where lines are to be reached.
settings.register_profile(
    "dicomwire-mutants",
    settings.get_profile("dicomwire-ci"),
    phases=[Phase.explicit, Phase.generate],
    max_examples=25,
)

REPRODUCIBLE = bool(os.environ.get("CI")) or not os.access(Path.cwd(), os.W_OK)

if os.environ.get("DICOMWIRE_FEW_EXAMPLES"):
    settings.load_profile("dicomwire-mutants")
else:
    settings.load_profile("dicomwire-ci" if REPRODUCIBLE else "dicomwire")
