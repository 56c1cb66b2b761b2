"""Uptake of FDG in bodies as PET shows it, region by region."""
