"""The parts of the model: stem, twin blocks, menders."""
