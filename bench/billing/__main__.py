"""`python -m bench.billing`."""

import sys

from bench.billing.main import main

if __name__ == "__main__":
    sys.exit(main())
