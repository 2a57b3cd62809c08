"""The documented home of the blocking association."""

from dicomwire.blocking import Association
from dicomwire.logic.service_user import ServiceUser

__all__ = ["Association", "ServiceUser"]
