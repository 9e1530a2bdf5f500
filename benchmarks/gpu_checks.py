"""Checks of causal models on a CUDA device: what the tests say of the CPU, and the figures.

    python benchmarks/gpu_checks.py

Without a device it says that nothing was checked, and ends with status 0. With one it ends with 1
where a check fails. Times are printed and fail nothing. `--device cpu` rehearses on the CPU what
can be rehearsed there.
"""

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from generation import GPU, Size, measure, own_prompts, random_model, report
from torch.utils._python_dispatch import TorchDispatchMode

from tokenauction.mechanisms import AggregationRule, linear, log_linear
from tokenauction.mechanisms.auction import token_auction
from tokenauction.mechanisms.auction.bidding import Bidding, Bids
from tokenauction.mechanisms.auction.settlement import SAMPLINGS
from tokenauction.mechanisms.auction.token_auction import Outcome, TokenAuction
from tokenauction.mechanisms.models.causal_models import CausalModels, ModelFailed

SMALL = Size("cuda", "float32", 4, 256, 8000, 4, 24, 12)
PROBABILITY_BOUND = {"float32": 1e-5, "float64": 1e-11}
PAYMENT_BOUND = {"float32": 1e-4, "float64": 1e-9}
AUCTIONS = ((linear, "stable"), (linear, "race"), (log_linear, "race"))


def agents_of(size: Size) -> CausalModels:
    """Agents of a random model whose distributions are far from uniform and from each other."""
    model = random_model(size)
    with torch.no_grad():
        model.model.lm_head.weight.mul_(10)
    return CausalModels({name: (model, own) for name, own in own_prompts(size).items()})


def lock_step_equals_each_agent_alone(size: Size) -> str:
    """Rows of the cached batch against unbatched passes over the whole text."""
    worst = 0.0
    agents, tokens = agents_of(size), list[int]()
    session = agents.open("")
    for token in range(size.new_tokens):
        dists = session.distributions()
        for row, (model, own) in zip(dists, agents._agents, strict=True):
            ids = torch.tensor([[*model.encode(own, "", chat=False), *tokens]], device=size.device)
            with torch.no_grad():
                logits = model.model(ids, use_cache=False).logits[0, -1]
            expected = torch.softmax(logits.double(), dim=-1)
            worst = max(worst, float((row - expected).abs().max()))
        session.append(token)
        tokens.append(token)
    bound = PROBABILITY_BOUND[size.dtype]
    assert worst < bound, f"off by {worst:.1e}"
    return f"{size.dtype}: off by {worst:.1e}, bound {bound:.0e}"


def bfloat16_logits_become_float32_distributions(size: Size) -> str:
    """The distributions against a float64 softmax of the very logits of the batch."""
    agents = agents_of(dataclasses.replace(size, dtype="bfloat16"))
    seen: list[Any] = []
    model = agents._agents[0][0].model
    model.register_forward_hook(lambda _module, _given, found: seen.append(found.logits[:, -1]))
    dists = agents.open("").distributions()
    assert seen[0].dtype == torch.bfloat16, seen[0].dtype
    assert dists.dtype == torch.float32, dists.dtype
    assert dists.device.type == torch.device(size.device).type, dists.device
    worst = float((dists - torch.softmax(seen[0].double(), dim=-1)).abs().max())
    assert worst < 1e-6, f"off by {worst:.1e}"
    return f"off by {worst:.1e} after the logits"


@dataclass
class Recorded:
    """Agents that say again what a run recorded, as NumPy arrays; their own session, too."""

    names: tuple[str, ...]
    vocabulary: Any
    descriptions: tuple[Any, ...]
    rows: Sequence[Any]
    now: int = 0
    room: None = None

    def open(self, prompt: str) -> "Recorded":
        """From the first record on."""
        return dataclasses.replace(self, now=0)

    def distributions(self) -> Any:
        """The record of this token."""
        return self.rows[self.now]

    def append(self, token: int) -> None:
        """On to the next record."""
        self.now += 1


def the_auction_agrees_with_numpy(size: Size, rule: AggregationRule, sampling: str) -> str:
    """The same text, probabilities and payments from the same distributions, on NumPy."""
    agents, bids = agents_of(size), [1.0 + row for row in range(size.rows)]

    def run(group: Any) -> Outcome:
        return TokenAuction(group, rule, sampling=sampling).run("", bids, 4, seed=3)

    outcome = run(agents)
    rows = [step.dists.cpu().numpy() for step in outcome.steps]
    again = run(Recorded(agents.names, agents.vocabulary, agents.descriptions, rows))
    assert outcome.text == again.text, "another text"
    worst = 0.0
    for one, other in zip(outcome.steps, again.steps, strict=True):
        a, b = one.settlement, other.settlement
        assert a.expected is not None
        assert b.expected is not None
        off = np.abs([a.realised - b.realised, a.expected - b.expected]) / outcome.bids
        worst = max(worst, abs(a.probability - b.probability), float(off.max()))
    bound = PAYMENT_BOUND[size.dtype]
    assert worst < bound, f"off by {worst:.1e} of a bid"
    return f"{rule.name}, {sampling}, {size.dtype}: off by {worst:.1e}, bound {bound:.0e}"


class Departures(TorchDispatchMode):  # type: ignore[misc]
    """Counts the numbers that leave the device, operation by operation."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.type = torch.device(device).type
        self.sizes: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        sources = [x for x in _tensors((args, kwargs or {})) if x.device.type == self.type]
        crosses = self.type != "cpu" and any(x.device.type == "cpu" for x in _tensors(found))
        if sources and (crosses or "_local_scalar_dense" in str(func)):
            self.sizes.append(max(source.numel() for source in sources))
        return found


def _tensors(values: Any) -> Iterable[torch.Tensor]:
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)


def no_vocabulary_leaves_the_device(size: Size, sampling: str) -> str:
    """The largest tensor that is copied to the host in a run."""
    auction = TokenAuction(agents_of(size), linear, sampling=sampling)
    bids = [1.0 + row for row in range(size.rows)]
    with Departures(size.device) as departures:
        outcome = auction.run("", bids, 4, seed=3)
    assert departures.sizes, "nothing was seen to leave, not even the token: the watch is broken"
    largest, per_token = max(departures.sizes), len(departures.sizes) / len(outcome.steps)
    assert largest <= 4 * size.rows, f"{largest} numbers leave at once"
    return f"{sampling}: at most {largest} numbers at once, {per_token:.1f} copies a token"


def memory_that_runs_out_is_one_error(size: Size) -> str:
    """A real shortage: this process may take little more than it has; then asking again works."""
    agents = agents_of(size)
    session = agents.open("w1 " * 3000)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(size.device).total_memory
    allowed = torch.cuda.memory_reserved() + (8 << 20)
    torch.cuda.set_per_process_memory_fraction(allowed / total)
    try:
        session.distributions()
    except ModelFailed as error:
        said = str(error)
    else:
        raise AssertionError("memory did not run out; the check is broken")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert bool(torch.isfinite(session.distributions()).all())
    return said[:90]


def over_the_copy_floor(device: str, tokens: int, agents: int = 8) -> str:
    """Aggregate and all expected payments, over the time to copy the distributions once."""
    generator = torch.Generator(device).manual_seed(0)
    noise = torch.randn((agents, tokens), generator=generator, device=device)
    dists = torch.softmax(3 * noise, dim=-1)
    bids = Bids(linear, np.arange(1.0, agents + 1))

    def settle() -> None:
        bidding = Bidding(bids, dists)
        SAMPLINGS["stable"].expected_payments(bidding)

    floor, ours = median_seconds(dists.clone, device), median_seconds(settle, device)
    return (
        f"{agents} agents, {tokens:,} tokens: {ours * 1e6:.0f} µs, "
        f"{ours / floor:.1f} times the copy of {floor * 1e6:.0f} µs"
    )


def median_seconds(work: Callable[[], object], device: str, runs: int = 50) -> float:
    """The median of single runs, each finished on the device."""
    times = []
    for _ in range(runs + 5):
        start = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[5:])


def checks(device: str) -> Iterable[tuple[str, Callable[[], str]]]:
    """Every check by name."""
    small = dataclasses.replace(SMALL, device=device)
    sizes = (small, dataclasses.replace(small, dtype="float64"))
    for size in sizes:
        yield "lock-step", partial(lock_step_equals_each_agent_alone, size)
    yield "bfloat16", partial(bfloat16_logits_become_float32_distributions, small)
    for size, (rule, sampling) in product(sizes, AUCTIONS):
        yield "against NumPy", partial(the_auction_agrees_with_numpy, size, rule, sampling)
    for sampling in ("stable", "race"):
        yield "no copies", partial(no_vocabulary_leaves_the_device, small, sampling)
    if device != "cpu":
        yield "out of memory", partial(memory_that_runs_out_is_one_error, small)
    for tokens in (128_000, 256_000):
        yield "copy floor", partial(over_the_copy_floor, device, tokens)
    generated = GPU if device != "cpu" else dataclasses.replace(small, new_tokens=24)
    yield "generation", lambda: report(measure(generated, "linear", "stable", 5))


def main() -> None:
    """Run them all and say what they found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    device = parser.parse_args().device
    if device == "cuda" and not torch.cuda.is_available():
        print("no CUDA device; nothing was checked")
        return
    print(torch.cuda.get_device_name() if device == "cuda" else "a rehearsal on the CPU")
    if device == "cpu":
        # Tensors of the host would be seen by NumPy; a rehearsal is of tensors that are not.
        vars(token_auction)["host_view"] = lambda values: values
    failed = 0
    for name, check in checks(device):
        try:
            print(f"ok      {name:14} {check()}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAILED  {name:14} {type(error).__name__}: {error}", flush=True)
    print(f"{failed} failed" if failed else "all passed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
