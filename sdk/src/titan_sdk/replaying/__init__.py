"""Replay recorded programs: the program's own code runs again, and a recording answers its actions."""
