"""Expressions in SymPy and in Z3 itself, which tests and benchmarks compare with the core."""
