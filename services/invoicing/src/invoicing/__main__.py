"""`python -m invoicing`."""

if __name__ == "__main__":  # the rendering processes import this file again, and need nothing of it
    from invoicing.main import main

    main()
