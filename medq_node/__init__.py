"""MedQ Node: says what is wrong with an image series and restores what it safely can.

Research use only. Not for diagnostic use.
"""

__version__ = "0.1.0"
