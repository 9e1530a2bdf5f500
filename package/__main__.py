"""`python -m tokenauction`: the command line, where its script is not on the path."""

from tokenauction.proofs.cli import main

if __name__ == "__main__":
    main()
