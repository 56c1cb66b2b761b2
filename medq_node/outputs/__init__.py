"""What leaves the node: restored series, Structured Report, quality page; their UIDs and labels.

Everything here is deterministic: the same source, the same ``OutputIdentity`` and the same content
give the same bytes, so that a second try can be compared with the first by SHA-256.
"""
