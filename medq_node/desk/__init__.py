"""The desk: where a person decides what the node may not.

Rows in, rows out, and the files that these rows name; no network, no role. All that one person
says at once is one transaction, and leaves a line in the audit.
"""
