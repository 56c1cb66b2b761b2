"""Destinations by name, from the configuration."""

from __future__ import annotations

from medq_node import config as settings
from medq_node.delivery.dicom import DicomDestination
from medq_node.delivery.folder import FolderDestination
from medq_node.delivery.parcel import Destination
from medq_node.errors import DeliveryError


def destination(config: settings.Config, name: str) -> Destination:
    """The destination that the configuration calls ``name``.

    Raises:
        DeliveryError: there is none.
    """
    chosen = config.destinations.get(name)
    if chosen is None:
        known = ", ".join(sorted(config.destinations)) or "none"
        raise DeliveryError(
            f"no destination named {name!r} in the configuration (known: {known})", permanent=True
        )
    if isinstance(chosen, settings.FolderDestination):
        return FolderDestination(chosen.path)
    return DicomDestination(
        calling_ae_title=config.node.ae_title,
        ae_title=chosen.ae_title,
        host=chosen.host,
        port=chosen.port,
        timeout_s=chosen.timeout_s,
        max_pdu_bytes=chosen.max_pdu_bytes,
    )
