"""One profile for all property tests, so that a slow or busy machine is no reason to fail."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is and nothing of the code: there is no deadline, and no
# complaint about slow inputs (the first look into pydicom's dictionaries takes longer than a thousand examples).
settings.register_profile("dicomwire", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
# In CI everybody sees the same examples; elsewhere each run tries others, and those that failed before come first.
settings.register_profile("dicomwire-ci", settings.get_profile("dicomwire"), derandomize=True, database=None)
settings.load_profile("dicomwire-ci" if os.environ.get("CI") else "dicomwire")
