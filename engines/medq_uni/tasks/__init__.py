"""What engines are asked to mend, by modality; ``table`` holds all."""
