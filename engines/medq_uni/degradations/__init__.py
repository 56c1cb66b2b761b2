"""Physically made degradations: arrays and a seed in, the degraded image beside its truth out."""
