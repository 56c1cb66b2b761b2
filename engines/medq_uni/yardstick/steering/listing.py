"""Long tables that are for machines: all of it as CSV, on the page how much there is."""

from __future__ import annotations

from engines.medq_uni.yardstick.table import Table


class Listing(Table):
    """A table of which the page shows title, note and length; its CSV holds every row."""

    def markdown(self, level: int = 2) -> str:
        """Title, note and how many rows the CSV has."""
        return f"{'#' * level} {self.title}\n\n{self.note} {len(self.rows)} rows.\n"
