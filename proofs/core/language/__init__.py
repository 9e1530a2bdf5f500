"""TRUSTED CORE. The language of claims: expressions over index variables, and at fixed sizes."""
