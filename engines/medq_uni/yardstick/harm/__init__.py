"""What contestants do to images that need nothing."""
