"""Frozen values, enums, ids and the error tree. No I/O, no clock, no decisions."""
