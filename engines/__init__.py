"""Engines: arrays and words.

This package may know NumPy, SciPy and pictures as arrays. It knows no DICOM, no disk layout, no
network and no database, and imports nothing of ``medq_node`` or ``rules``.
"""
