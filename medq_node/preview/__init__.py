"""What a radiologist reads of a study, made from the reports as they lie on disk.

Rows say which reports there are and what has arrived where; every word comes from the objects.
"""
