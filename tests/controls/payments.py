"""Nearby false statements about payments: critical bids, second prices, stable samplings, races."""

from collections.abc import Callable

import z3

from tokenauction.proofs.core.kernel import by_z3, ln
from tokenauction.proofs.library.basics import logarithm
from tokenauction.proofs.library.basics import total_variation as variation
from tokenauction.proofs.library.basics.notation import between
from tokenauction.proofs.library.payments import critical_bid as bid
from tokenauction.proofs.library.payments import second_price as price
from tokenauction.proofs.library.payments import second_price_is_payment_monotone as monotone
from tokenauction.proofs.library.payments import second_price_linear as linear
from tokenauction.proofs.library.payments import small_increments as small
from tokenauction.proofs.library.stability import race_collision as collision
from tokenauction.proofs.library.stability import race_price as racing
from tokenauction.proofs.library.stability import race_winners_form_intervals as race
from tokenauction.proofs.library.stability import stable_sampling as stable

Attempts = list[tuple[str, Callable[[], object]]]


def refutable(hypotheses: object, conclusion: object) -> Callable[[], object]:
    """An attempt to prove that the conclusion follows."""
    return lambda: by_z3(z3.Implies(hypotheses, conclusion), budget=300_000)


# A token that comes back: the infimum at bid 3 is 0, at bid 1 it is 1.
_RETURNS = z3.And(
    bid.token(0) == 0,
    z3.ForAll([bid.y], z3.Implies(0 < bid.y, bid.token(bid.y) == z3.If(bid.y < 2, 1, 0))),
)

CRITICAL_BID: Attempts = [
    (
        "a token that comes back is that of b everywhere above the infimum",
        refutable(
            z3.And(_RETURNS, bid.b == 3, bid.c == 0, bid.x == 1, bid.INFIMUM),
            bid.token(bid.x) == bid.token(bid.b),
        ),
    ),
    (
        "the critical bid is below the bid",
        refutable(z3.And(bid.b > 0, bid.SEPARATES), bid.c < bid.b),
    ),
    (
        "an interval for every token: the token changes at most once",
        refutable(
            z3.Implies(bid.token(bid.x) == bid.token(bid.z), bid.token(bid.y) == bid.token(bid.z)),
            z3.Or(bid.token(bid.x) == bid.token(bid.y), bid.token(bid.y) == bid.token(bid.z)),
        ),
    ),
    (
        "at the critical bid itself the token is that of b",
        refutable(z3.And(bid.b > 0, bid.SEPARATES), bid.token(bid.c) == bid.token(bid.b)),
    ),
    (
        "non-decreasing in b although a token comes back",
        refutable(
            z3.And(_RETURNS, bid.b == 1, bid.b_more == 3, bid.c_more == 0, bid.SEPARATES),
            bid.c <= bid.c_more,
        ),
    ),
]

SECOND_PRICE: Attempts = [
    (
        "where c ≥ x, the bid x draws another token",
        refutable(
            z3.Implies(bid.x < bid.c, bid.token(bid.x) != bid.token(bid.b)),
            z3.Implies(bid.x <= bid.c, bid.token(bid.x) != bid.token(bid.b)),
        ),
    ),
    (
        "the price is that of changing from bid 0, all along",
        lambda: by_z3(
            z3.Implies(price.HYPOTHESES, price.b * price.tv(price.ZERO, price.b) == price.PRICE),
            price.price_lemma(),
            budget=300_000,
        ),
    ),
]

low, high, apart, before, after, rest, y, z = z3.Reals("low high apart before after rest y z")
_RAISED = z3.And(0 <= low, low <= high, apart >= 0, 0 <= rest, rest <= (high - low) * apart)
_change, _level = small.d(1) - small.d(0), small.A(1) - small.A(0)

SANDWICH: Attempts = [
    (
        "a raise costs at least the higher bid",
        refutable(
            z3.And(_RAISED, after == before + low * apart + rest), high * apart <= after - before
        ),
    ),
    (
        "a raise costs at most the lower bid",
        refutable(
            z3.And(_RAISED, after == before + low * apart + rest), after - before <= low * apart
        ),
    ),
]
_BOUNDS = z3.And(low * apart <= after - before, after - before <= high * apart, apart >= 0)
MONOTONE: Attempts = [
    (
        "at bid 0, equal payments mean equal outcomes",
        refutable(z3.And(0 <= low, low <= high, _BOUNDS, before >= after), apart == 0),
    ),
    (
        "equal payments mean equal outcomes by the upper bound alone",
        refutable(
            z3.And(0 < low, low <= high, 0 <= after - before, after - before <= high * apart),
            z3.Implies(before == after, apart == 0),
        ),
    ),
    (
        "the jump at bid 0 is paid for",
        lambda: by_z3(
            monotone.integral(monotone.jump_variation, monotone.ZERO, monotone.ONE) > 0,
            monotone.jump_lemma(),
            budget=300_000,
        ),
    ),
]
_SLAB = z3.And(0 <= low, low <= high, low * apart <= rest, rest <= high * apart)
PROPERTY: Attempts = [
    (
        "the upper bound alone determines the payment",
        refutable(
            z3.And(_SLAB, 0 <= after - before, after - before <= high * apart),
            rest - (after - before) <= (high - low) * apart,
        ),
    ),
    (
        "the sandwich determines the payment without z(0) = 0",
        refutable(z3.And(_SLAB, after - before == rest), z3.And(before == 0, after == rest)),
    ),
]

VARIATION: Attempts = [
    (
        "TV ≤ 1/2",
        refutable(
            z3.And(0 <= y, y <= 1, 0 <= z, z <= 1),
            (variation.gap(y, z) + variation.gap(1 - y, 1 - z)) / 2 <= 0.5,
        ),
    )
]
_own, _x, _y, _z = variation.own, variation.at_x, variation.at_y, variation.at_z
ADDS: Attempts = [
    (
        "distances add where only the last outcome is between",
        refutable(
            between(_own, _z, _y),
            variation.gap(_x, _z) == variation.gap(_x, _y) + variation.gap(_y, _z),
        ),
    )
]
SMALL_INCREMENTS: Attempts = [
    (
        "increments of first order",
        refutable(small.absolute(_change) <= _level, small.d(1) == small.d(0)),
    )
]

_low, _high = z3.Reals("weight weight_more")
_p, _m = z3.Reals("p_t m_t")
LINEAR_VARIATION: Attempts = [
    (
        "the weight of p falls",
        refutable(
            z3.And(0 <= _low, _low <= 1, 0 <= _high, _high <= 1),
            variation.gap(_low * _p + (1 - _low) * _m, _high * _p + (1 - _high) * _m)
            == (_high - _low) * variation.gap(_p, _m),
        ),
    )
]
LINEAR_PRICE: Attempts = [
    (
        "ln y ≥ y - 1, so that the price is TV(p, m) b²/(b+S)",
        lambda: by_z3(
            z3.Implies(logarithm.x > 0, ln(logarithm.x) >= logarithm.x - 1),
            logarithm.ln_below_its_tangent()["ln x ≤ x - 1, equal at 1 only"],
            budget=300_000,
        ),
    ),
    (
        "the antiderivative with S alone",
        lambda: by_z3(
            z3.Implies(
                z3.And(linear.S > 0, linear.b >= 0, linear.V >= 0, linear.x >= 0),
                linear.falls(linear.x) == linear.slope(linear.x) / linear.S,
            ),
            budget=300_000,
        ),
    ),
]

_x_t, _y_t = stable.q(stable.x, stable.t), stable.q(stable.y, stable.t)
_gain = stable.if_rising(stable.y, stable.t) - stable.if_rising(stable.x, stable.t)
STABLE_SAMPLING: Attempts = [
    (
        "A gains the total variation although a rising token falls",
        refutable(
            z3.And(0 <= _x_t, 0 <= _y_t, stable.rising(stable.t)),
            variation.gap(_x_t, _y_t) == 2 * _gain - (_y_t - _x_t),
        ),
    ),
    (
        "σ has the law q although ρ may be a falling token",
        refutable(
            z3.Not(stable.rising(stable.t)),
            (stable.sampled(stable.x, stable.w) == stable.t)
            == z3.And(
                stable.uniform(stable.w) >= stable.mass(stable.x),
                stable.faller(stable.w) == stable.t,
            ),
        ),
    ),
    (
        "the token changes at most once although A falls",
        refutable(
            stable.mass(stable.x) <= stable.mass(stable.y),
            z3.Or(
                stable.sampled(stable.x, stable.w) == stable.sampled(stable.y, stable.w),
                stable.sampled(stable.y, stable.w) == stable.sampled(stable.z, stable.w),
            ),
        ),
    ),
]

# A coupling of (u, 1 - u) and (v, 1 - v) with the entries a, u - a, v - a, 1 - u - v + a.
_u, _v, _a = z3.Reals("u v a")
_COUPLED = z3.And(0 <= _a, _a <= _u, _a <= _v, 1 - _u - _v + _a >= 0)
STABILITY: Attempts = [
    (
        "every coupling reaches the total variation",
        refutable(_COUPLED, _u + _v - 2 * _a == variation.gap(_u, _v)),
    ),
    (
        "a negative entry: less than the total variation",
        refutable(1 - _u - _v + _a >= 0, _u + _v - 2 * _a >= variation.gap(_u, _v)),
    ),
]

_weak = z3.And(
    race.w_s * race.x_s <= race.w_t * race.x_t, race.w_s * race.z_s <= race.w_t * race.z_t
)
_positive = z3.And([number > 0 for number in race.PAIR])
RACE: Attempts = [
    (
        "an interval although the odds come back",
        refutable(z3.And(_positive, _weak), race.w_s * race.y_s <= race.w_t * race.y_t),
    ),
    (
        "an interval where every probability moves towards p, but not the odds",
        refutable(
            z3.And(
                _positive,
                _weak,
                between(race.p_s, race.y_s, race.x_s),
                between(race.p_t, race.y_t, race.x_t),
                between(race.p_s, race.z_s, race.y_s),
                between(race.p_t, race.z_t, race.y_t),
            ),
            race.w_s * race.y_s <= race.w_t * race.y_t,
        ),
    ),
]


def _three_tokens_collide() -> object:
    """`J = 1 - TV` at (1/2, 1/4, 1/4) and (1/4, 1/2, 1/4), where J = 1/4 + 1/4 + 1/5."""
    u, v = z3.Reals("u0 u1 u2"), z3.Reals("v0 v1 v2")
    given = z3.And(
        [one == value for one, value in zip(u, (z3.Q(1, 2), z3.Q(1, 4), z3.Q(1, 4)), strict=True)]
        + [one == value for one, value in zip(v, (z3.Q(1, 4), z3.Q(1, 2), z3.Q(1, 4)), strict=True)]
    )
    pairs = list(zip(u, v, strict=True))
    met = sum(
        1 / sum(collision.larger(u_s / u_t, v_s / v_t) for u_s, v_s in pairs) for u_t, v_t in pairs
    )
    varied = sum(variation.gap(u_t, v_t) for u_t, v_t in pairs) / 2
    return by_z3(z3.Implies(given, met == 1 - varied), budget=300_000)


COLLISION: Attempts = [("J = 1 - TV for three tokens", _three_tokens_collide)]
_at = racing.x
RACE_PRICE: Attempts = [
    (
        "the race is as cheap as a stable sampling",
        refutable(
            z3.And(0 <= racing.varies(_at), racing.varies(_at) <= racing.changes(_at)),
            racing.changes(_at) <= racing.varies(_at),
        ),
    )
]

CONTROLS: dict[str, Attempts] = {
    "critical-bid": CRITICAL_BID,
    "second-price": SECOND_PRICE,
    "small-increments": SMALL_INCREMENTS,
    "total-variation": VARIATION,
    "total-variation-adds": ADDS,
    "second-price-sandwich": SANDWICH,
    "second-price-is-payment-monotone": MONOTONE,
    "the-sandwich-is-second-price": PROPERTY,
    "linear-total-variation": LINEAR_VARIATION,
    "second-price-linear": LINEAR_PRICE,
    "stable-sampling": STABLE_SAMPLING,
    "stability-is-total-variation": STABILITY,
    "race-winners-form-intervals": RACE,
    "race-collision": COLLISION,
    "race-price": RACE_PRICE,
}
