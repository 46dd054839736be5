"""The script that the zygote runs before any other: it does what nearly every script does, and nothing more."""

import sys

import titan_sdk

print(titan_sdk.TitanClient.__name__, titan_sdk.TitanJob.__name__, sys.argv, flush=True)  # noqa: T201 (goes nowhere: the zygote's output is /dev/null)
