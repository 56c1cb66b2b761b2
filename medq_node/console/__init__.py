"""What people see in a terminal: tables, progress, the story of a series."""
