"""The documented home of the blocking association."""

from dicomwire.associations.service_user import ServiceUser
from dicomwire.blocking import Association

__all__ = ["Association", "ServiceUser"]
