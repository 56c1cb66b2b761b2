"""What a PET scanner does to an image when it counts little."""
