"""The one error tree of the node.

A message says what was wrong, in which object (by UID, never by a patient's name), and what to do.
"""

from __future__ import annotations


class MedqError(Exception):
    """Root of everything the node raises on purpose."""


class ConfigError(MedqError):
    """The configuration can't be used; the message names the line and the fix (exit code 2)."""


class Unprocessable(MedqError):
    """A series or object that is kept but can't be assessed or restored; the message says why."""


class UnsuitedKind(Unprocessable):
    """An object of a kind that is never assessed; others of its series may be all the same."""


class StoreError(MedqError):
    """The database can't be reached or read; the message names its URL without a password."""


class SpoolError(MedqError):
    """A received object couldn't be made durable; the peer gets a failure status."""


class OutputError(MedqError):
    """An object we made is not fit to leave the node."""


class DeliveryError(MedqError):
    """A destination didn't take an object; worth another try unless ``permanent``."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class NoticeError(MedqError):
    """Somebody couldn't be told; worth another try. The message holds no token and no password."""


class EngineFailure(MedqError):
    """The engine's process died, hung or refused; it costs one try."""
