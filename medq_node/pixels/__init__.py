"""Stored pixel values <-> modality units (HU, Bq/ml or SUV, MR signal), padding, geometry.

Knows DICOM image objects and arrays; knows no network, no database and no engine.
"""
