"""Interpretations of a graph at fixed sizes: Fractions, balls, batches of floats, SymPy, Z3."""
