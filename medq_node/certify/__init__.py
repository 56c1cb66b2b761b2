"""Nothing leaves that is not a valid object; no restored series leaves that did harm.

Measures with code of its own: nothing here is shared with the engines that it judges.
"""
