"""The job whose call to the SDK is measured: the trivial one, and one count in the shared store."""

import titan_sdk

titan_sdk.TitanClient(announce=lambda _line: None).store_incr("bench:jobs")
