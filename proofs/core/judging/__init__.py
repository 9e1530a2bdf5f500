"""TRUSTED CORE. What refutes: exact replay, of expressions and of the function's own runs."""
