"""The tables of docs/conformance, made from the code: ``python -m tests.statement``."""
