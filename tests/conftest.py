"""Every run of the suite draws the same examples, unless somebody asks for others by `--hypothesis-seed`."""

import pytest
from hypothesis import settings

# A loaded machine must not fail a property: no deadline. print_blob: a failure shows how to repeat it.
settings.register_profile(
    "reproducible", derandomize=True, max_examples=40, deadline=None, print_blob=True, database=None
)
settings.register_profile("exploring", max_examples=500, deadline=None, print_blob=True, database=None)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the profile: a seed on the command line (a number or `random`) explores other examples."""
    explores = config.getoption("--hypothesis-seed", default=None) is not None
    settings.load_profile("exploring" if explores else "reproducible")
