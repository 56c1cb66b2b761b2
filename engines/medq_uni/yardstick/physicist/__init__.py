"""The table that a medical physicist asks for."""
