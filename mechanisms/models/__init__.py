"""Language models as agents: n-grams that need nothing but NumPy, and causal models of torch."""
