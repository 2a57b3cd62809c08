"""The documented home of the blocking AE."""

from dicomwire.blocking import AE

ApplicationEntity = AE

__all__ = ["AE", "ApplicationEntity"]
