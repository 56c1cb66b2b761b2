"""Notification: people are told at once that a scan should be repeated.

Knows rows, settings and two kinds of peers (webhooks, mail servers); no pixels, no files, no
engines. What it sends holds no patient data.
"""
