"""The auction token by token: what a run is, where it ends, what it adds up to, what it refuses."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauction.mechanisms import (
    CATALOGUE,
    MECHANISMS,
    Distribution,
    aggregation_rule,
    linear,
    linear_pool,
    log_linear,
    pay_your_bid,
    payment_rule,
    platform,
    second_price,
    square_weights,
    vcg_log_linear,
)
from tokenauction.mechanisms.auction import (
    BadBids,
    BadDistribution,
    BadPayment,
    FixedAgent,
    NotMonotone,
    TokenAuction,
    Vocabulary,
    VocabularyMismatch,
)
from tokenauction.mechanisms.auction.settlement import SAMPLINGS
from tokenauction.mechanisms.auction.token_auction import (
    CONTEXT_LIMIT,
    END_OF_TEXT,
    MOST_TOKENS,
    Outcome,
)

WORDS = Vocabulary(("<end>", "sea ", "sky ", "sun "), frozenset({0}))


def agent(name: str, *row: float, vocabulary: Vocabulary = WORDS) -> FixedAgent:
    return FixedAgent(name, vocabulary, row)


AGENTS = (agent("Alora", 0.0, 0.5, 0.25, 0.25), agent("Marisol", 0.0, 0.125, 0.75, 0.125))


class Wanderer:
    """An agent whose wish depends on the prompt and on every token so far."""

    description: Mapping[str, str] = {"kind": "test"}

    def __init__(self, name: str, vocabulary: Vocabulary = WORDS) -> None:
        self.name, self.vocabulary = name, vocabulary

    def next_distribution(self, prompt: str, tokens: Sequence[int]) -> Any:
        rng = np.random.default_rng([len(prompt), len(self.name), *tokens])
        return rng.dirichlet(np.ones(len(self.vocabulary)))


class Room:
    """Agents together, with a context of so many tokens."""

    names = ("Alora", "Marisol")
    vocabulary = WORDS
    descriptions: tuple[Mapping[str, str], ...] = ({}, {})

    def __init__(self, context: int, dtype: Any = np.float64) -> None:
        self.context, self.dtype = context, dtype

    def open(self, prompt: str) -> "Room":
        self.room: int | None = self.context
        return self

    def distributions(self) -> Any:
        return np.array([one.distribution for one in AGENTS], dtype=self.dtype)

    def append(self, token: int) -> None:
        assert self.room is not None
        self.room -= 1


def wandering(sampling: str = "stable", **options: Any) -> TokenAuction:
    return TokenAuction(
        [Wanderer("A"), Wanderer("Be"), Wanderer("Cea")], linear, sampling=sampling, **options
    )


def tokens_of(outcome: Outcome) -> list[int]:
    return [step.settlement.token for step in outcome.steps]


# A run.


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_seed_is_a_text(sampling: str) -> None:
    auction = wandering(sampling)
    one, again = (auction.run("Fly", [1, 2, 3], max_tokens=20, seed=5) for _ in range(2))
    assert one.text == again.text
    assert one.realised.tolist() == again.realised.tolist()
    assert one.expected.tolist() == again.expected.tolist()
    texts = {auction.run("Fly", [1, 2, 3], max_tokens=20, seed=seed).text for seed in range(8)}
    assert len(texts) == 8
    other = auction.run("Swim!", [1, 2, 3], max_tokens=20, seed=5)
    assert tokens_of(other) != tokens_of(one)


def test_without_a_seed_every_run_is_another() -> None:
    runs = [TokenAuction(AGENTS, linear).run("", [1, 1], max_tokens=40) for _ in range(3)]
    assert len({run.text for run in runs}) == 3
    again = TokenAuction(AGENTS, linear).run("", [1, 1], max_tokens=40, seed=runs[0].seed)
    assert again.text == runs[0].text


@given(st.integers(1, 30), st.integers(0, 1000), st.sampled_from(list(SAMPLINGS)))
def test_fewer_tokens_are_a_beginning(fewer: int, seed: int, sampling: str) -> None:
    auction = wandering(sampling, expected=False)
    whole = auction.run("Fly", [1, 2, 3], max_tokens=30, seed=seed)
    part = auction.run("Fly", [1, 2, 3], max_tokens=fewer, seed=seed)
    assert tokens_of(part) == tokens_of(whole)[:fewer]
    paid = [step.settlement.realised.tolist() for step in whole.steps[:fewer]]
    assert [step.settlement.realised.tolist() for step in part.steps] == paid


def test_a_stream_is_the_run() -> None:
    auction = wandering()
    run = auction.run("Fly", [1, 2, 3], max_tokens=10, seed=5)
    steps = list(auction.stream("Fly", [1, 2, 3], 10, 5))
    assert [step.number for step in steps] == list(range(len(run.steps)))
    again = auction.outcome([1, 2, 3], 5, steps)
    assert again.text == run.text == "".join(step.piece for step in steps)
    assert again.stopped == run.stopped
    assert again.realised.tolist() == run.realised.tolist()


def test_a_stream_asks_for_no_more_than_is_taken() -> None:
    asked = []

    class Counting(Wanderer):
        def next_distribution(self, prompt: str, tokens: Sequence[int]) -> Any:
            asked.append(list(tokens))
            return np.array([0.0, 0.5, 0.25, 0.25])

    stream = TokenAuction([Counting("A")], linear).stream("", [1], 100, 3)
    first, second = next(stream), next(stream)
    assert asked == [[], [first.settlement.token]]
    assert second.stopped is None


def test_sums() -> None:
    outcome = wandering().run("Fly", [1, 2, 3], max_tokens=12, seed=4)
    realised = np.array([step.settlement.realised for step in outcome.steps])
    expected = np.array([step.settlement.expected for step in outcome.steps])
    assert np.allclose(outcome.realised, realised.sum(axis=0), rtol=1e-14)
    assert np.allclose(outcome.expected, expected.sum(axis=0), rtol=1e-14)
    assert abs(outcome.revenue - realised.sum()) < 1e-12
    assert outcome.names == ("A", "Be", "Cea")
    assert outcome.bids.tolist() == [1, 2, 3]
    assert (realised >= 0).all()
    assert (realised <= outcome.bids).all()


# Where a text ends.


def test_an_end_token_ends_the_text_and_has_no_text() -> None:
    auction = TokenAuction([agent("A", 0.25, 0.5, 0.25, 0.0)], linear)
    lengths = []
    for seed in range(30):
        outcome = auction.run("", [1], max_tokens=1000, seed=seed)
        assert outcome.stopped == END_OF_TEXT
        assert tokens_of(outcome)[-1] == 0
        assert 0 not in tokens_of(outcome)[:-1]
        assert "<end>" not in outcome.text
        assert outcome.text == "".join(step.piece for step in outcome.steps)
        lengths.append(len(outcome.steps))
    assert 2.5 < np.mean(lengths) < 6  # geometric with mean 4


def test_the_most_tokens_end_the_text() -> None:
    outcome = TokenAuction(AGENTS, linear).run("", [1, 1], max_tokens=3, seed=1)
    assert (len(outcome.steps), outcome.stopped) == (3, MOST_TOKENS)
    assert [step.stopped for step in outcome.steps] == [None, None, MOST_TOKENS]


def test_an_end_token_counts_before_the_most_tokens() -> None:
    outcome = TokenAuction([agent("A", 1, 0, 0, 0)], linear).run("", [1], max_tokens=1, seed=1)
    assert (outcome.text, outcome.stopped) == ("", END_OF_TEXT)


@pytest.mark.parametrize("context", [0, 1, 4])
def test_a_full_context_ends_the_text(context: int) -> None:
    """With no room for a token the next one is still drawn, since nothing follows it."""
    outcome = TokenAuction(Room(context), linear).run("", [1, 2], max_tokens=50, seed=1)
    assert (len(outcome.steps), outcome.stopped) == (context + 1, CONTEXT_LIMIT)
    longer = TokenAuction(Room(100), linear).run("", [1, 2], max_tokens=50, seed=1)
    assert tokens_of(outcome) == tokens_of(longer)[: context + 1]


# What a step says.


def test_probabilities_and_pulls() -> None:
    bids = np.array([3.0, 1.0])
    for step in TokenAuction(AGENTS, linear).stream("", [3, 1], 30, 7):
        said = step.settlement
        wanted = np.array([one.distribution[said.token] for one in AGENTS])
        assert said.wanted.tolist() == wanted.tolist()
        assert abs(said.probability - bids @ wanted / 4) < 1e-15
        assert abs(said.aggregate[said.token] - said.probability) == 0
        assert np.abs(said.pulls - (said.probability - wanted[::-1])).max() < 1e-15
        assert step.dists.shape == (2, 4)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 5), min_size=3, max_size=3))
def test_pulls_balance(seed: int, bids: list[int]) -> None:
    """Of the linear rule: a pull has the sign of `p - q`, and `Σ_i S_i pull_i = 0`."""
    bids = bids if any(bids) else [1, 1, 1]
    step = next(wandering(expected=False).stream("x", bids, 1, seed))
    said, rivals = step.settlement, sum(bids) - np.array(bids, dtype=float)
    assert abs(float(rivals @ said.pulls)) < 1e-12
    for bid, rival, wanted, pull in zip(bids, rivals, said.wanted, said.pulls, strict=True):
        if bid == 0:
            assert pull == 0
        elif rival == 0:
            assert pull == said.probability
        elif abs(wanted - said.probability) > 1e-12:
            assert np.sign(pull) == np.sign(wanted - said.probability)


def test_pulls_of_other_rules_are_what_a_bid_of_zero_changes() -> None:
    rows = np.array([one.distribution for one in AGENTS]) * 0.98 + 0.005
    agents = [agent(name, *row) for name, row in zip("AB", rows, strict=True)]
    for rule in (log_linear, square_weights, CATALOGUE["rank-weights"], CATALOGUE["power-mean"]):
        for step in TokenAuction(agents, rule, "none").stream("", [3, 1], 10, 7):
            said = step.settlement
            for i in range(2):
                without = rule(np.where(np.arange(2) == i, 0.0, [3.0, 1.0]), rows)[said.token]
                assert abs(said.pulls[i] - (said.probability - without)) < 1e-15


# Payments.


def test_the_critical_bid_of_the_linear_rule_is_the_second_price() -> None:
    """The payment rule that the checker verified, and the expected critical bid of the run."""
    bids = [0.5, 2.0, 30.0]
    agents = [Wanderer("A"), Wanderer("Be"), Wanderer("Cea")]
    critical = TokenAuction(agents, linear).run("x", bids, 25, seed=3)
    charged = TokenAuction(agents, linear, second_price).run("x", bids, 25, seed=3)
    assert tokens_of(critical) == tokens_of(charged)
    assert (np.abs(critical.expected - charged.expected) <= 1e-12 * np.array(bids)).all()
    assert charged.realised.tolist() == charged.expected.tolist()


@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=list(MECHANISMS))
def test_payment_rules_charge_what_they_say(mechanism: Any) -> None:
    auction = TokenAuction(AGENTS, mechanism.rule, mechanism.payment)
    for step in auction.stream("", [2, 1], 5, 1):
        wanted = mechanism.payment(np.array([2.0, 1.0]), step.dists)
        assert step.settlement.realised.tolist() == wanted.tolist()
    assert auction.terms.payment_label == mechanism.payment.label


def test_no_payment() -> None:
    outcome = TokenAuction(AGENTS, log_linear, "none").run("", [2, 1], 5, seed=1)
    assert outcome.revenue == 0
    assert outcome.expected.tolist() == [0, 0]


@pytest.mark.parametrize("payment", ["critical-bid", "none", pay_your_bid])
def test_expected_payments_can_be_left_out(payment: Any) -> None:
    with_them = TokenAuction(AGENTS, linear, payment).run("", [2, 1], 5, seed=1)
    without = TokenAuction(AGENTS, linear, payment, expected=False).run("", [2, 1], 5, seed=1)
    assert without.text == with_them.text
    assert without.realised.tolist() == with_them.realised.tolist()
    assert all(step.settlement.expected is None for step in without.steps)
    with pytest.raises(ValueError, match="expected=False"):
        _ = without.expected


def test_a_payment_for_positive_distributions_sees_positive_ones() -> None:
    step = next(TokenAuction(AGENTS, linear, vcg_log_linear).stream("", [2, 1], 1, 1))
    assert step.dists.min() > 0
    assert np.isfinite(step.settlement.realised).all()


def test_single_precision_stays() -> None:
    double = TokenAuction(Room(9), linear).run("", [2, 1], 5, seed=1)
    single = TokenAuction(Room(9, np.float32), linear).run("", [2, 1], 5, seed=1)
    assert single.steps[0].dists.dtype == np.float32
    assert single.text == double.text
    assert np.abs(single.expected - double.expected).max() < 1e-5


def test_bids_are_taken_when_the_run_begins() -> None:
    """Whoever changes the list afterwards changes nothing."""
    bids = np.array([2.0, 1.0])
    stream = TokenAuction(AGENTS, linear).stream("", bids, 5, 1)  # type: ignore[arg-type]
    taken = [next(stream)]
    bids[0] = 1e9
    taken += list(stream)
    untouched = TokenAuction(AGENTS, linear).run("", [2, 1], 5, seed=1)
    assert [step.settlement.realised.tolist() for step in taken] == [
        step.settlement.realised.tolist() for step in untouched.steps
    ]


# Bad input.


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((np.nan, 0.5, 0.25, 0.25), r"'Bad'.*not finite"),
        ((np.inf, 0.0, 0.0, 0.0), r"'Bad'.*not finite"),
        ((np.inf, -np.inf, 0.5, 0.5), r"'Bad'.*not finite"),
        ((1e308, 1e308, 1e308, 0.0), r"'Bad'.*not finite"),
        ((-0.25, 0.75, 0.25, 0.25), r"'Bad'.*negative entry -0\.25"),
        ((0.5, 0.5, 0.5, 0.5), r"'Bad' sums to 2\.0, off one by more than 1e-06"),
        ((0.0, 0.0, 0.0, 0.0), r"'Bad' sums to 0\.0"),
        ((0.25, 0.25, 0.25, 0.2499), r"'Bad' sums to 0\.9999"),
        ((0.5, 0.5), r"'Bad' has shape \(2,\), not one number for each of 4 tokens"),
        (("sea", "sky", "sun", "!"), r"'Bad' is not numeric"),
    ],
)
def test_a_bad_distribution_is_one_clear_error(row: Any, said: str) -> None:
    class Bad(Wanderer):
        def next_distribution(self, prompt: str, tokens: Sequence[int]) -> Any:
            return list(row)

    together = TokenAuction([AGENTS[0], Bad("Bad")], linear)
    with pytest.raises(BadDistribution, match=said):
        together.run("", [1, 1], 3, seed=1)
    with pytest.raises(BadDistribution, match=said):
        TokenAuction([Bad("Bad")], linear).run("", [1], 3, seed=1)


def test_what_was_drawn_before_a_bad_distribution_is_kept() -> None:
    class Tiring(Wanderer):
        def next_distribution(self, prompt: str, tokens: Sequence[int]) -> Any:
            return np.array([0, 0.5, 0.25, 0.25]) * (1 if len(tokens) < 2 else np.nan)

    stream = TokenAuction([AGENTS[0], Tiring("Bad")], linear).stream("", [1, 1], 9, 1)
    kept = [next(stream), next(stream)]
    with pytest.raises(BadDistribution, match="'Bad'"):
        next(stream)
    assert [step.number for step in kept] == [0, 1]


def test_a_group_with_the_wrong_shape() -> None:
    class Wide(Room):
        def distributions(self) -> Any:
            return np.full((2, 5), 0.2)

    with pytest.raises(BadDistribution, match=r"shape \(2, 5\), not \(2, 4\)"):
        TokenAuction(Wide(5), linear).run("", [1, 1], 3, seed=1)


def test_a_sum_within_the_tolerance_is_divided_out() -> None:
    row = np.array([0.0, 0.5, 0.25, 0.25 + 9e-7])
    step = next(TokenAuction([agent("A", *row)], linear).stream("", [1], 1, 1))
    assert abs(step.dists.sum() - 1) < 1e-15


@pytest.mark.parametrize(
    ("bids", "said"),
    [
        ([1, -1], r"'Marisol' is -1\.0"),
        ([np.inf, 1], r"'Alora' is inf"),
        ([1, np.nan], r"'Marisol' is nan"),
        ([None, 1], r"'Alora' is nan"),
        ([0, 0], "all bids are zero"),
        ([1], r"\(1,\) for 2 agents \(Alora, Marisol\)"),
        ([1, 2, 3], r"\(3,\) for 2 agents"),
        ([], r"\(0,\) for 2 agents"),
        ([[1], [2]], r"\(2, 1\) for 2 agents"),
        (["a lot", "little"], "must be a list of numbers"),
        (["1", "2"], "must be a list of numbers"),
        ("12", "must be a list of numbers"),
        (None, "must be a list of numbers"),
        ({"Alora": 1, "Marisol": 2}, "must be a list of numbers"),
        ([1j, 1], "must be a list of numbers"),
        ([[1, 2], 3], "must be a list of numbers"),
        ([10**400, 1], "must be a list of numbers"),
        ([1.7e308, 1.7e308], "add up to infinity"),
    ],
)
def test_bad_bids_are_one_clear_error_before_anything_runs(bids: Any, said: str) -> None:
    class Untouched(Wanderer):
        def next_distribution(self, prompt: str, tokens: Sequence[int]) -> Any:
            raise AssertionError("asked although the bids are bad")

    auction = TokenAuction([Untouched("Alora"), Untouched("Marisol")], linear)
    with pytest.raises(BadBids, match=said):
        auction.stream("", bids, 3, 1)
    with pytest.raises(BadBids, match=said):
        auction.run("", bids, 3, 1)


def test_numbers_of_many_kinds_are_bids() -> None:
    wanted = TokenAuction(AGENTS, linear).run("", [0.5, 1.0], 3, seed=1).realised.tolist()
    for bids in ((Fraction(1, 2), 1), np.array([0.5, 1], dtype=np.float32), (0.5, np.int64(1))):
        assert TokenAuction(AGENTS, linear).run("", bids, 3, seed=1).realised.tolist() == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            Vocabulary(("<end>", "sea ", "ski ", "sun "), frozenset({0})),
            "token 2 is 'sky ' .*'ski '",
        ),
        (Vocabulary(("<end>", "sea ", "sky "), frozenset({0})), "4 tokens and 3"),
        (Vocabulary(WORDS.pieces, frozenset({1})), r"end tokens are \[0\] and \[1\]"),
    ],
)
def test_a_vocabulary_mismatch_names_both(other: Vocabulary, said: str) -> None:
    agents = [Wanderer("Alora"), Wanderer("Marisol"), Wanderer("Norvik", other)]
    with pytest.raises(VocabularyMismatch, match=f"agents 'Alora' and 'Norvik' .*{said}"):
        TokenAuction(agents, linear)


def test_equal_vocabularies_are_one() -> None:
    TokenAuction([Wanderer("A"), Wanderer("B", Vocabulary(WORDS.pieces, WORDS.end))], linear)


def test_pieces_are_told_apart_where_they_meet() -> None:
    """The same letters cut in another place are another vocabulary."""
    one, other = Vocabulary(("ab", "c")), Vocabulary(("a", "bc"))
    with pytest.raises(VocabularyMismatch, match=r"token 0 is 'ab' .*'a'"):
        TokenAuction([Wanderer("A", one), Wanderer("B", other)], linear)


def test_agents_have_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="two agents are called 'Alora'"):
        TokenAuction([AGENTS[0], AGENTS[0]], linear)


def test_an_auction_needs_agents() -> None:
    with pytest.raises(ValueError, match="at least one agent"):
        TokenAuction([], linear)


@pytest.mark.parametrize(
    ("rule", "options", "said"),
    [
        ("linear", {}, "the rule is an AggregationRule, not 'linear'"),
        (second_price, {}, "the rule is an AggregationRule"),
        (platform, {}, r"platform needs a distribution for model.*with_parameters\(model=\.\.\.\)"),
        (linear, {"payment": "second-price"}, "'critical-bid' or 'none', not 'second-price'"),
        (linear, {"payment": linear}, "a payment is a PaymentRule"),
        (linear, {"payment": None}, "a payment is a PaymentRule"),
        (linear, {"sampling": "greedy"}, "stable, race, not 'greedy'"),
    ],
)
def test_terms_that_do_not_exist(rule: Any, options: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        TokenAuction(AGENTS, rule, **options)


@pytest.mark.parametrize("most", [0, -3, 2.5, True])
def test_a_text_has_a_token(most: Any) -> None:
    with pytest.raises(ValueError, match=f"max_tokens is a whole number from one, not {most}"):
        TokenAuction(AGENTS, linear).stream("", [1, 1], most, 1)


def test_a_run_without_a_token_has_no_outcome() -> None:
    with pytest.raises(ValueError, match="no outcome"):
        TokenAuction(AGENTS, linear).outcome([1, 1], 1, [])


@pytest.mark.parametrize("agents", [AGENTS[0], 7, [AGENTS[0], "Norvik"]])
def test_what_is_no_list_of_agents_is_refused(agents: Any) -> None:
    with pytest.raises(TypeError, match="agent"):
        TokenAuction(agents, linear)


def test_a_model_of_another_vocabulary_is_refused() -> None:
    rule = platform.with_parameters(model=[1.0])
    with pytest.raises(ValueError, match="'model' of platform has 1 tokens, and the vocabulary"):
        TokenAuction(AGENTS, rule)


def test_end_tokens_exist() -> None:
    with pytest.raises(ValueError, match="end token 7 is not one of 2 tokens"):
        Vocabulary(("a", "b"), frozenset({7}))
    with pytest.raises(ValueError, match="at least one token"):
        Vocabulary(())


# Rules that do not return what they should: no token is drawn, nobody is charged.


@aggregation_rule
def blows_up(bids: Any, dists: Any) -> Any:
    return np.full(dists.shape[1], np.nan)


@aggregation_rule
def below_zero(bids: Any, dists: Any) -> Any:
    return np.array([1.5, -1.0, 0.25, 0.25])


@aggregation_rule
def too_much(bids: Any, dists: Any) -> Any:
    return dists[0] + dists[1]


@aggregation_rule
def one_token(bids: Any, dists: Any) -> Any:
    return np.array([1.0])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (blows_up, "blows_up made no distribution.*nan"),
        (below_zero, r"below_zero made no distribution.*-1\.0"),
        (too_much, r"too_much made no distribution.*sums to 2\.0"),
        (one_token, r"one_token returned shape \(1,\).*4 tokens"),
    ],
)
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("payment", ["critical-bid", "none", pay_your_bid])
def test_a_rule_that_makes_no_distribution(
    rule: Any, said: str, sampling: str, payment: Any
) -> None:
    with pytest.raises(BadDistribution, match=said):
        TokenAuction(AGENTS, rule, payment, sampling).run("", [1, 1], 3, seed=1)


def test_bids_too_large_for_a_rule() -> None:
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(BadDistribution, match="square_weights made no distribution of these bids"),
    ):
        TokenAuction(AGENTS, square_weights).run("", [1e200, 1], 3, seed=1)


@payment_rule
def charges_nothing_sensible(bids: Any, dists: Any) -> Any:
    return bids * np.nan


@payment_rule
def charges_one(bids: Any, dists: Any) -> Any:
    return bids[:1]


@payment_rule
def charges_by(bids: Any, dists: Any, *, model: Distribution) -> Any:
    return bids


@pytest.mark.parametrize(
    ("payment", "said"),
    [
        (charges_nothing_sensible, r"charges_nothing_sensible charged \[nan, nan\]"),
        (charges_one, r"charges_one charged \[1\.0\], not one finite number for each of 2 agents"),
    ],
)
def test_a_payment_rule_that_charges_nonsense(payment: Any, said: str) -> None:
    with pytest.raises(BadPayment, match=said):
        TokenAuction(AGENTS, linear, payment).run("", [1, 1], 3, seed=1)


def test_a_payment_rule_that_lacks_its_distribution() -> None:
    with pytest.raises(TypeError, match="charges_by needs a distribution for model"):
        TokenAuction(AGENTS, linear, charges_by).run("", [1, 1], 3, seed=1)


@linear_pool
def dipping(bids: Any) -> Any:
    return np.where(bids >= 1.5, 0.5 * bids, bids)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_pool_that_a_raise_moves_the_wrong_way(sampling: str) -> None:
    """It has no critical bid, and runs under every other payment."""
    with pytest.raises(NotMonotone, match="dipping is not monotone here: the share of 'Marisol'"):
        TokenAuction(AGENTS, dipping, sampling=sampling).run("", [1, 2], 3, seed=1)
    for payment in ("none", pay_your_bid):
        outcome = TokenAuction(AGENTS, dipping, payment, sampling).run("", [1, 2], 3, seed=1)
        assert len(outcome.steps) == 3
