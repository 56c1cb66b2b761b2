"""Words stated, compared with true words."""
