"""DICOM networking: a sans-IO protocol core with pluggable transports."""

from pkgutil import extend_path

from dicomwire._version import __version__

# The adapters are the other half of this package, in a second source root.
__path__ = extend_path(__path__, __name__)
