"""What a CT scanner does to an image when it has few photons, or metal in the way."""
