"""What pydicom and its plugins are known to raise over malformed content.

Files come from anywhere. Whoever reads one turns these into a reason for that file alone: a bad
element must never stop the work on other series.
"""

from __future__ import annotations

import struct
import zlib

from pydicom.errors import BytesLengthException, InvalidDicomError

MALFORMED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
