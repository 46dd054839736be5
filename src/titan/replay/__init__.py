"""Re-executes a recorded run: its code runs again where it is, and its calls are answered from the recording."""
