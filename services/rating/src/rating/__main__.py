"""`python -m rating`."""

from rating.main import main

if __name__ == "__main__":
    main()
