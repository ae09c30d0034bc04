"""`python -m customers`."""

from customers.main import main

if __name__ == "__main__":
    main()
