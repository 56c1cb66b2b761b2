"""What an engine says of real images whose truth nobody knows."""
