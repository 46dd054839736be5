"""The name that seed 002's second program leaves free: "your custom monitoring logic"."""

import os


def get_current_traffic():
    return int(os.environ["TRAFFIC"])
