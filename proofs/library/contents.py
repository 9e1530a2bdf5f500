"""Every theorem of the library, in the order in which they are best read."""

from tokenauction.proofs.library.basics.chebyshev import chebyshev
from tokenauction.proofs.library.basics.finite_sums import (
    sum_linear,
    sum_of_the_others,
    sum_order,
    sum_splits_off_one,
)
from tokenauction.proofs.library.basics.gibbs import gibbs
from tokenauction.proofs.library.basics.logarithm import ln_below_its_tangent, ln_rises
from tokenauction.proofs.library.basics.sum_exchange import sum_exchange
from tokenauction.proofs.library.basics.sums_exist import sums_exist
from tokenauction.proofs.library.basics.total_variation import total_variation, total_variation_adds
from tokenauction.proofs.library.linear.kl_welfare_linear import kl_welfare_linear
from tokenauction.proofs.library.linear.linear_is_a_distribution import linear_is_a_distribution
from tokenauction.proofs.library.linear.linear_is_monotone import linear_is_monotone
from tokenauction.proofs.library.linear.linear_is_monotone_in_forward_kl import (
    linear_is_monotone_in_forward_kl,
)
from tokenauction.proofs.library.linear.linear_is_monotone_in_odds import linear_is_monotone_in_odds
from tokenauction.proofs.library.linear.linear_total_variation import linear_total_variation
from tokenauction.proofs.library.log_linear.kl_welfare_log_linear import kl_welfare_log_linear
from tokenauction.proofs.library.log_linear.log_linear_is_monotone_in_odds import (
    log_linear_is_monotone_in_odds,
    log_linear_two_tokens,
)
from tokenauction.proofs.library.log_linear.log_linear_is_monotone_in_reverse_kl import (
    log_linear_is_monotone_in_reverse_kl,
)
from tokenauction.proofs.library.log_linear.log_linear_is_not_monotone import (
    log_linear_is_not_monotone,
)
from tokenauction.proofs.library.log_linear.log_linear_rule import log_linear_rule
from tokenauction.proofs.library.orders.bids_in_lexicographic_order import (
    bids_in_lexicographic_order,
)
from tokenauction.proofs.library.orders.coordinate_form import (
    coordinate_form,
    segments_are_monotone,
)
from tokenauction.proofs.library.orders.five_losses_are_separable import five_losses_are_separable
from tokenauction.proofs.library.orders.odds_implies_the_losses import odds_implies_the_losses
from tokenauction.proofs.library.orders.odds_is_a_partial_order import (
    odds_is_a_partial_order,
    robust_and_odds,
)
from tokenauction.proofs.library.orders.robust_is_a_partial_order import robust_is_a_partial_order
from tokenauction.proofs.library.orders.robust_is_the_intersection_of_separable_losses import (
    robust_is_the_intersection_of_separable_losses,
)
from tokenauction.proofs.library.payments.critical_bid import critical_bid
from tokenauction.proofs.library.payments.second_price import second_price
from tokenauction.proofs.library.payments.second_price_is_payment_monotone import (
    second_price_is_payment_monotone,
)
from tokenauction.proofs.library.payments.second_price_linear import second_price_linear
from tokenauction.proofs.library.payments.second_price_sandwich import second_price_sandwich
from tokenauction.proofs.library.payments.small_increments import small_increments
from tokenauction.proofs.library.payments.the_sandwich_is_second_price import (
    the_sandwich_is_second_price,
)
from tokenauction.proofs.library.properties.monotone_rules_are_consistent import (
    monotone_rules_and_their_payments,
    monotone_rules_are_consistent,
)
from tokenauction.proofs.library.properties.payment_monotone_and_consistent import (
    neither_property_suffices,
    payment_monotone_and_consistent_make_bids_ordered,
)
from tokenauction.proofs.library.properties.revealed_preference import revealed_preference
from tokenauction.proofs.library.properties.variants_lattice import variants_lattice
from tokenauction.proofs.library.stability.no_universal_stability import no_universal_stability
from tokenauction.proofs.library.stability.race_collision import race_collision
from tokenauction.proofs.library.stability.race_price import race_price
from tokenauction.proofs.library.stability.race_winners_form_intervals import (
    race_winners_form_intervals,
)
from tokenauction.proofs.library.stability.stability_is_total_variation import (
    stability_is_total_variation,
)
from tokenauction.proofs.library.stability.stable_sampling import stable_sampling
from tokenauction.proofs.library.stability.universal_stability_two_agents import (
    universal_stability_two_agents,
)
from tokenauction.proofs.library.stability.universal_stability_two_tokens import (
    universal_stability_two_tokens,
)

LIBRARY = (
    sum_order,
    sum_linear,
    sum_splits_off_one,
    sum_of_the_others,
    sum_exchange,
    sums_exist,
    chebyshev,
    ln_below_its_tangent,
    ln_rises,
    gibbs,
    total_variation,
    total_variation_adds,
    robust_is_a_partial_order,
    robust_is_the_intersection_of_separable_losses,
    five_losses_are_separable,
    odds_is_a_partial_order,
    robust_and_odds,
    odds_implies_the_losses,
    payment_monotone_and_consistent_make_bids_ordered,
    bids_in_lexicographic_order,
    neither_property_suffices,
    monotone_rules_are_consistent,
    monotone_rules_and_their_payments,
    variants_lattice,
    coordinate_form,
    segments_are_monotone,
    stable_sampling,
    stability_is_total_variation,
    critical_bid,
    second_price,
    second_price_sandwich,
    second_price_is_payment_monotone,
    small_increments,
    the_sandwich_is_second_price,
    linear_total_variation,
    second_price_linear,
    universal_stability_two_agents,
    universal_stability_two_tokens,
    no_universal_stability,
    linear_is_a_distribution,
    kl_welfare_linear,
    log_linear_rule,
    kl_welfare_log_linear,
    linear_is_monotone,
    log_linear_is_not_monotone,
    log_linear_is_monotone_in_odds,
    log_linear_two_tokens,
    revealed_preference,
    linear_is_monotone_in_forward_kl,
    log_linear_is_monotone_in_reverse_kl,
    linear_is_monotone_in_odds,
    race_winners_form_intervals,
    race_collision,
    race_price,
)
