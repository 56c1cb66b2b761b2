"""Measured quality and classical filters: the baseline, and the fallback."""
