"""`python -m titan.cli` is `titan`."""

import sys

from titan.cli.app import main

sys.exit(main())
