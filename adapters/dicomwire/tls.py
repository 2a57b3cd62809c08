"""TLS: the profiles of PS3.15 annex B, and `ssl.SSLContext`s that keep to them."""

from dicomwire.sockets.tls_files import TLSFiles, UnusableTLS
from dicomwire.vocabulary.tls_profiles import TLSProfile, tls_profile

__all__ = ["TLSFiles", "TLSProfile", "UnusableTLS", "tls_profile"]
