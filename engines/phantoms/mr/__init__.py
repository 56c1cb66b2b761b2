"""Magnetic resonance phantoms: random patients in signal, in every usual contrast."""
