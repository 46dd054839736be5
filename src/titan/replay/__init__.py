"""Re-executes a recorded run: its code runs again on a machine of the user's, and its calls are answered from the recording."""
