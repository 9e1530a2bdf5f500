"""TRUSTED CORE. The value of an expression: exact where it is rational, else in balls."""
