"""`python -m examples.demo`."""

import sys

INTERRUPTED = 130

if __name__ == "__main__":
    try:
        from examples.demo.main import main

        code = main()
    except KeyboardInterrupt:  # while still importing
        code = INTERRUPTED
    sys.exit(code)
