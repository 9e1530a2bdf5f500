"""TRUSTED CORE. What the array functions mean, on symbolic arrays.

Each takes the options that proofs/core/tracing/signatures.py passes on, and nothing else. A
function that needs to know how many agents or tokens there are (a sort, an argmax) works at fixed
sizes and raises SizeRequired otherwise; what has no exact meaning over the real numbers (`isnan`,
`round`) is not here. Importing this package fills the table.
"""

from tokenauction.proofs.core.tracing.functions import (
    creation,
    elementwise,
    orders,
    products,
    reductions,
    shapes,
)
from tokenauction.proofs.core.tracing.registry import FUNCTIONS

__all__ = ["FUNCTIONS", "creation", "elementwise", "orders", "products", "reductions", "shapes"]
