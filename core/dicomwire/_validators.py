"""The default checks of AE titles and UIDs, replaceable in ``_config.VALIDATORS``."""

from dicomwire._config import validate_ui
from dicomwire._value_checks import validate_ae

__all__ = ["validate_ae", "validate_ui"]
