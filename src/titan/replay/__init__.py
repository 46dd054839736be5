"""Execute the code of a recorded run again, with its calls answered from the recording."""
