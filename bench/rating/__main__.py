"""`python -m bench.rating`."""

import sys

from bench.rating.main import main

if __name__ == "__main__":
    sys.exit(main())
