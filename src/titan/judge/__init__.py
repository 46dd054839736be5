"""Score agent runs without a model. Pure: no I/O, no clock."""
