"""The original's module: `from titan_sdk.titan_sdk import TitanClient, TitanJob, TITAN_HOST, TITAN_PORT`.

`TITAN_HOST` and `TITAN_PORT` are read from the environment on access; once assigned, they apply to every
client without an address of its own.
"""

from __future__ import annotations

from titan_sdk.client import TitanClient
from titan_sdk.http.address import address_of
from titan_sdk.job import TitanJob

__all__ = ["TITAN_HOST", "TITAN_PORT", "TitanClient", "TitanJob"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    TITAN_HOST: str
    TITAN_PORT: int


def __getattr__(name: str) -> object:
    if name == "TITAN_HOST":
        return address_of().host
    if name == "TITAN_PORT":
        return address_of().port
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
