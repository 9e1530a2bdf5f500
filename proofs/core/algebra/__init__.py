"""TRUSTED CORE. Canonical forms, and formulas over every size made ones about a few bids."""
