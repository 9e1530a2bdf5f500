"""Tokens a second of the auction, over tokens a second of the model's own batched generation.

    python benchmarks/generation.py                 on the CPU: 12 layers, 768 wide, 8 rows
    python benchmarks/generation.py --device cuda   on a GPU: 24 layers, 2,048 wide, bfloat16

Both write the same number of tokens after the same prompts with the same model, whose weights are
random (what is written does not change the work). The generation is `generate` of transformers,
sampling from the whole distribution; the auction draws one token for all rows, aggregates, and
charges every agent its expected and its realised payment. The runs alternate, the ratio is taken
pair by pair, and its median and spread are printed. The third row, lock-step without an auction,
says where the time goes: what the auction takes on top of it is aggregation, draw and payments.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, PreTrainedTokenizerFast
from transformers.models.llama import LlamaForCausalLM

import tokenauction.mechanisms
from tokenauction.mechanisms.auction.token_auction import TokenAuction
from tokenauction.mechanisms.models.causal_models import CausalModels
from tokenauction.mechanisms.models.pretrained import Pretrained

AIM = 0.95


@dataclass(frozen=True)
class Size:
    """What is measured."""

    device: str
    dtype: str
    layers: int
    width: int
    vocabulary: int
    rows: int
    prompt: int
    new_tokens: int


@dataclass(frozen=True)
class Result:
    """Medians in tokens a second, and the ratio of auction to generation, pair by pair."""

    size: Size
    rule: str
    sampling: str
    repetitions: int
    generation: float
    auction: float
    lock_step: float
    ratio: float
    lowest_ratio: float
    highest_ratio: float
    machine: str

    @property
    def auction_milliseconds(self) -> float:
        """What a token takes beyond the lock-step forward pass."""
        return 1000 / self.auction - 1000 / self.lock_step


CPU = Size("cpu", "float32", 12, 768, 50_257, 8, 32, 48)
GPU = Size("cuda", "bfloat16", 24, 2048, 128_000, 8, 64, 256)


def random_model(size: Size) -> Pretrained:
    """A model of that size with random weights, and a tokenizer of as many words."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        intermediate_size=size.width * 3,
        num_hidden_layers=size.layers,
        num_attention_heads=size.width // 64,
        max_position_embeddings=4096,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    torch.set_default_dtype(getattr(torch, size.dtype))
    with torch.device(size.device):
        model = LlamaForCausalLM(config).eval()
    torch.set_default_dtype(torch.float32)
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(size.vocabulary)}, "w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Pretrained("random weights", model, PreTrainedTokenizerFast(tokenizer_object=words))


def own_prompts(size: Size) -> dict[str, str]:
    """Prompts of different length, as agents have; the longest is `prompt` tokens long."""
    lengths = [size.prompt - row % 4 for row in range(size.rows)]
    return {
        f"agent {row}": " ".join(f"w{(row * 97 + i) % size.vocabulary}" for i in range(length))
        for row, length in enumerate(lengths)
    }


def generation(model: Pretrained, size: Size) -> Callable[[], None]:
    """The model's own generation after the agents' prompts."""
    texts = [model.encode(own, "", chat=False) for own in own_prompts(size).values()]
    longest = max(map(len, texts))
    place = model.device
    ids = torch.tensor([[0] * (longest - len(text)) + text for text in texts], device=place)
    mask = torch.tensor(
        [[0] * (longest - len(text)) + [1] * len(text) for text in texts], device=place
    )

    def run() -> None:
        written = model.model.generate(
            ids,
            attention_mask=mask,
            do_sample=True,
            top_k=0,
            max_new_tokens=size.new_tokens,
            pad_token_id=0,
        )
        assert written.shape == (size.rows, longest + size.new_tokens)

    return run


def auction(agents: CausalModels, size: Size, rule: str, sampling: str) -> Callable[[], None]:
    """The auction after the agents' prompts, payments and all."""
    whole = TokenAuction(agents, getattr(tokenauction.mechanisms, rule), sampling=sampling)
    bids = [1.0 + row / 2 for row in range(size.rows)]

    def run() -> None:
        written = [
            step.settlement.token for step in whole.stream("", bids, size.new_tokens, seed=1)
        ]
        assert len(written) == size.new_tokens
        agents.vocabulary.decode(written)

    return run


def lock_step(agents: CausalModels, size: Size) -> Callable[[], None]:
    """The forward passes and the distributions alone."""

    def run() -> None:
        session = agents.open("")
        for token in range(size.new_tokens):
            session.distributions()
            session.append(token)

    return run


def seconds(work: Callable[[], None], device: str) -> float:
    """The seconds of one run, with nothing left undone on the device."""
    _finish(device)
    start = time.perf_counter()
    work()
    _finish(device)
    return time.perf_counter() - start


def _finish(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def measure(size: Size, rule: str, sampling: str, repetitions: int) -> Result:
    """All three, alternating, after one run of each that is not counted."""
    model = random_model(size)
    agents = CausalModels({name: (model, own) for name, own in own_prompts(size).items()})
    works = (
        generation(model, size),
        auction(agents, size, rule, sampling),
        lock_step(agents, size),
    )
    for work in works:
        work()
    times: list[list[float]] = [[], [], []]
    for repetition in range(repetitions):
        order = (0, 1, 2) if repetition % 2 == 0 else (1, 0, 2)
        for number in order:
            times[number].append(seconds(works[number], size.device))
    ratios = [plain / ours for plain, ours in zip(times[0], times[1], strict=True)]
    return Result(
        size=size,
        rule=rule,
        sampling=sampling,
        repetitions=repetitions,
        generation=size.new_tokens / statistics.median(times[0]),
        auction=size.new_tokens / statistics.median(times[1]),
        lock_step=size.new_tokens / statistics.median(times[2]),
        ratio=statistics.median(ratios),
        lowest_ratio=min(ratios),
        highest_ratio=max(ratios),
        machine=machine(size.device),
    )


def machine(device: str) -> str:
    """The device, in words."""
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    return f"CPU, {torch.get_num_threads()} threads"


def report(result: Result) -> str:
    """The figures for people."""
    size = result.size
    head = (
        f"{result.machine}, {size.dtype}: {size.layers} layers, width {size.width}, "
        f"{size.vocabulary:,} tokens, {size.rows} rows, {size.new_tokens} new tokens; "
        f"{result.rule}, {result.sampling}, {result.repetitions} pairs"
    )
    lines = [
        head,
        *(
            f"  {what:34} {rate:9.2f} tokens/s   {1000 / rate:8.2f} ms a token"
            for what, rate in (
                ("the model's own generation", result.generation),
                ("auction", result.auction),
                ("lock-step without an auction", result.lock_step),
            )
        ),
        f"  auction over generation: {result.ratio:.3f} "
        f"(from {result.lowest_ratio:.3f} to {result.highest_ratio:.3f}); "
        f"aim {AIM}: {'reached' if result.ratio >= AIM else 'missed'}",
        f"  aggregation, draw and payments: {result.auction_milliseconds:.2f} ms a token",
    ]
    return "\n".join(lines)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="cpu", help="cpu (the default) or cuda")
    for name in ("layers", "width", "vocabulary", "rows", "prompt", "new-tokens"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--dtype", help="float32, bfloat16")
    parser.add_argument("--rule", default="linear")
    parser.add_argument("--sampling", default="stable", choices=["stable", "race"])
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--json", help="write the figures there")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and keep the figures where asked."""
    given = options()
    default = GPU if given.device.startswith("cuda") else CPU
    chosen = {name: getattr(given, name) for name in asdict(default)}
    size = Size(**{name: value or getattr(default, name) for name, value in chosen.items()})
    result = measure(size, given.rule, given.sampling, given.repetitions)
    print(report(result))
    if given.json:
        Path(given.json).write_text(json.dumps(asdict(result), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
