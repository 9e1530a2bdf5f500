"""TRUSTED CORE. Whether a trace is what the function computes, and what it computes."""
