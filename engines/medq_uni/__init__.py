"""The engine after MedQ-UNI (arXiv 2603.18465): the world it learns from, and the ruler."""
