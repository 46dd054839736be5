"""Comparing recorded runs and checking whether one can be replayed. Pure: see `comparison` and `self_check`."""
