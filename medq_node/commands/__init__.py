"""The commands by which people look at what the node did and decide what it may not."""
