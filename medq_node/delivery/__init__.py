"""Delivery: rows of the outbox go to their destinations until each is confirmed or dead.

Knows rows, files and peers; no rules, no pixels, no engines.
"""
