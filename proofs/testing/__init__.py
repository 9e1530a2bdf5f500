"""Rules in test suites: a pytest plugin, a fixture, Hypothesis strategies, regression tests.

Everything is loaded when it is first used: the strategies need Hypothesis (the extra `testing`),
and nothing here imports a solver before something is to be decided.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenauction.proofs.testing.instances import assert_holds
    from tokenauction.proofs.testing.strategies import (
        Profile,
        Raise,
        bid_numbers,
        exact_bids,
        exact_distributions,
        exact_profiles,
        exact_raises,
        float_bids,
        float_distributions,
        float_profiles,
        float_raises,
        positive_numbers,
    )

__all__ = [
    "Profile",
    "Raise",
    "assert_holds",
    "bid_numbers",
    "exact_bids",
    "exact_distributions",
    "exact_profiles",
    "exact_raises",
    "float_bids",
    "float_distributions",
    "float_profiles",
    "float_raises",
    "positive_numbers",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "instances" if name == "assert_holds" else "strategies"
    found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found
    return found
