"""Checks of what Titan needs, in plain words and with what to do; none changes anything or costs money."""
