"""Who we tell the peer we are (PS3.7 D.3.3.2)."""

import re

from dicomwire._version import __version__

# A root of our own: a random UUID as a decimal number (PS3.5 B.2).
_ROOT = "2.25.213822640143959818955655712357024501654"
_NUMBERS = [str(int(number)) for number in re.findall(r"\d+", __version__)]

UID_PREFIX = f"{_ROOT}."
"""What our UIDs start with, final dot included, ready for ``pydicom.uid.generate_uid``."""

IMPLEMENTATION_UID = UID_PREFIX + ".".join(_NUMBERS)
"""Implementation class UID; another version is another UID."""

IMPLEMENTATION_VERSION = f"DICOMWIRE_{''.join(_NUMBERS)}"[:16]
"""Implementation version name, 1 to 16 ASCII characters."""

# The names that programs written for pynetdicom import; the values are ours.
PYNETDICOM_UID_PREFIX = UID_PREFIX
PYNETDICOM_IMPLEMENTATION_UID = IMPLEMENTATION_UID
PYNETDICOM_IMPLEMENTATION_VERSION = IMPLEMENTATION_VERSION
