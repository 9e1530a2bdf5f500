"""A preference order and a property of one's own, written as predicates on the array API.

tokenauction properties examples/own_properties.py
tokenauction verify linear --property examples/own_properties.py::chi_square
"""

from array_api_compat import array_namespace

from tokenauction.theory import preference_order, rule_property


@preference_order(support="full")
def chi_square(preferred, better, worse):
    """The chi-square divergence of `better` from `preferred` is at most that of `worse`."""
    xp = array_namespace(preferred, better, worse)
    gap_of_better = xp.sum((better - preferred) ** 2 / preferred)
    return gap_of_better <= xp.sum((worse - preferred) ** 2 / preferred)


@rule_property
def keeps_zeros(rule, bids, common, common_dists):
    """A token that nobody gives any probability gets none."""
    aggregate = rule(bids, common_dists)
    xp = array_namespace(aggregate)
    return xp.all((common > 0) | (aggregate == 0))
