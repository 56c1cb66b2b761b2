"""Destinations by name, from the configuration."""

from __future__ import annotations

from medq_node import config as settings
from medq_node.delivery.converter import Converter, Run, run_here
from medq_node.delivery.dicom import DicomDestination
from medq_node.delivery.folder import FolderDestination
from medq_node.delivery.parcel import Destination
from medq_node.errors import DeliveryError
from medq_node.layout import Layout


def destination(config: settings.Config, name: str, run: Run = run_here) -> Destination:
    """The destination that the configuration calls ``name``; ``run`` is where codecs work.

    Raises:
        DeliveryError: there is none.
    """
    chosen = config.destinations.get(name)
    if chosen is None:
        known = ", ".join(sorted(config.destinations)) or "none"
        raise DeliveryError(
            f"no destination named {name!r} in the configuration (known: {known})", permanent=True
        )
    converter = Converter(Layout(config.node.data).sending, run)
    if isinstance(chosen, settings.FolderDestination):
        return FolderDestination(chosen.path, chosen.compress, converter)
    return DicomDestination(
        calling_ae_title=config.node.ae_title,
        ae_title=chosen.ae_title,
        host=chosen.host,
        port=chosen.port,
        timeout_s=chosen.timeout_s,
        max_pdu_bytes=chosen.max_pdu_bytes,
        compress=chosen.compress,
        converter=converter,
    )
