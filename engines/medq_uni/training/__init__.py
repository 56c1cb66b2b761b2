"""How the model is trained: its bank of pairs, its batches, its losses, its checkpoints."""
