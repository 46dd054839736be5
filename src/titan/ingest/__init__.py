"""Foreign traces become entries: bytes in, `titan.model.actions` out. Pure: no I/O and no clock."""
