"""What a run of an agent was worth. Pure: no I/O, no clock."""
