"""What is done to the pixels of one revision, in a killable child: assess, restore, gate, report.

Knows pictures, engines and objects on disk; no database, no network, no rules.
"""
