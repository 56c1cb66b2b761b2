"""Pairs for training and for the benchmark: planned evenly, made on the fly, written to disk."""
