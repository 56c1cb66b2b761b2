"""Routing rules: the headers of a series in, a decision with its reasons out.

Pure: no disk, no network, no database. Imports nothing of ``medq_node`` or ``engines``; what
engines and destinations exist is told to it as names.
"""
