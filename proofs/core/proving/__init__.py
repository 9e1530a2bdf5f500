"""TRUSTED CORE. What proves: facts, the prover, and proofs for every size and for given ones."""
