"""The receiver role: an association in, a durable file out.

Knows DICOM's upper layer and the disk, and nothing else: no database, no decoding, no rules. Every
Success it answers stands for an object that survives a power cut. What it hands on lies in
``incoming/``: finished DICOM files whose names sort by arrival and whose file meta says who sent
them, to whom, and from where.
"""

from medq_node.receiver.server import serve
from medq_node.receiver.settings import Caller, ReceiverSettings

__all__ = ["Caller", "ReceiverSettings", "serve"]
