"""Bodies as CT shows them, region by region."""
