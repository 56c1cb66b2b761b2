"""Phantoms: made images whose truth is known, for demonstrations, tests and training."""
