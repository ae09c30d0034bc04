"""`python -m bench.search`."""

import sys

from bench.search.main import main

if __name__ == "__main__":
    sys.exit(main())
