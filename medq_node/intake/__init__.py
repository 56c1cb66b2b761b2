"""Intake: durable files become series, and a series that has gone quiet becomes a revision.

Knows files and rows; no network, no pixels, no rules.
"""
