"""Delivery: rows of the outbox go to their destinations until each is confirmed or dead.

Knows rows, files, peers and how pixels are encoded; not what they mean, no rules, no engines.
"""
