"""Do the words matter? What an engine restores when the same image is told otherwise."""
