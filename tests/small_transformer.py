"""A small transformer and its tokenizer, trained on the shipped corpora and saved as a user's are.

Everything is made here from a seed; nothing is downloaded. The texts carry the name of their
advertiser in front, so that an agent's prompt is that name.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import tokenauction.mechanisms
from tokenauction.mechanisms.models.backend import quiet

# A file that imports this one, before it imports torch itself, is skipped without them.
torch = pytest.importorskip("torch", reason="needs the extra llm")
transformers = pytest.importorskip("transformers", reason="needs the extra llm")
tokenizers = pytest.importorskip("tokenizers", reason="needs the extra llm")

CORPORA = Path(next(iter(tokenauction.mechanisms.__path__))) / "corpora"
END = "<end>"
CONTEXT = 128
PROMPTS = {"alora": "Alora Air:\n", "silent": "", "norvik": "Write one short line. Norvik Air:\n"}
CHAT = "{% for m in messages %}{{ m['content'] }}:\n{% endfor %}"


def advertiser(file: Path) -> str:
    """The name that a corpus is about: `alora_air.txt` is about Alora Air."""
    return file.stem.replace("_", " ").title()


def texts() -> list[tuple[str, str]]:
    """Every line of the corpora with its advertiser."""
    found = [
        (advertiser(file), line)
        for file in sorted(CORPORA.glob("*.txt"))
        for line in file.read_text("utf-8").splitlines()
        if line.strip()
    ]
    assert found, f"no corpus in {CORPORA}"
    return found


def build_tokenizer(size: int = 1000) -> Any:
    """A byte-level tokenizer of at most so many tokens, of the corpora."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([line for _, line in texts()], trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, bos_token=END, chat_template=CHAT
    )


def build_model(kind: str, rows: int, seed: int) -> Any:
    """A model of few layers with random weights, `rows` wide at its head.

    A Llama; or `gpt2`; or `window`, whose attention slides; or `recurrent`, which hands nothing
    back; or `state`, which hands back a state.
    """
    torch.manual_seed(seed)
    common: dict[str, Any] = {"bos_token_id": 0, "eos_token_id": 0, "initializer_range": 0.04}
    if kind == "gpt2":
        gpt2 = transformers.GPT2Config(
            vocab_size=rows, n_embd=64, n_layer=2, n_head=4, n_positions=CONTEXT, **common
        )
        return transformers.GPT2LMHeadModel(gpt2)
    if kind == "recurrent":
        recurrent = transformers.RecurrentGemmaConfig(
            vocab_size=rows,
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=3,
            num_attention_heads=4,
            attention_window_size=8,
            **common,
        )
        return transformers.RecurrentGemmaForCausalLM(recurrent)
    if kind == "state":
        state = transformers.MambaConfig(
            vocab_size=rows, hidden_size=64, num_hidden_layers=2, state_size=8, **common
        )
        return transformers.MambaForCausalLM(state)
    llama = {
        "vocab_size": rows,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "pad_token_id": None,
        **common,
    }
    if kind == "window":
        return transformers.MistralForCausalLM(
            transformers.MistralConfig(sliding_window=8, **llama)
        )
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**llama))


def train(model: Any, tokenizer: Any, steps: int, seed: int, batch: int = 16) -> None:
    """So many steps of Adam on windows of the corpora that begin where a text begins.

    On one thread: steps this small gain little from two, and lose much when cores are shared.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    shown = [f"{END}{name}:\n{line}" for name, line in texts()]
    encoded = tokenizer(shown, add_special_tokens=False)["input_ids"]
    starts = torch.tensor([0, *map(len, encoded)]).cumsum(0)
    stream = torch.tensor([token for text in encoded for token in text])
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    window = CONTEXT // 2
    usable = starts[starts < len(stream) - window]
    model.train()
    for _ in range(steps):
        chosen = usable[torch.randint(len(usable), (batch,))]
        rows = torch.stack([stream[start : start + window] for start in chosen.tolist()])
        loss = model(input_ids=rows, labels=rows).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    torch.set_num_threads(threads)


_ROOM = tempfile.TemporaryDirectory(prefix="small-transformer-")


@functools.cache
def saved(kind: str = "llama", steps: int = 20, seed: int = 0, size: int = 1000) -> Path:
    """The folder of a model and its tokenizer, made, trained and written once a test run.

    The model's head is wider than the vocabulary, as those of many released models are.
    """
    folder = Path(_ROOM.name) / f"{kind}-{steps}-{seed}-{size}"
    tokenizer = build_tokenizer(size)
    model = build_model(kind, rows=(len(tokenizer) // 64 + 1) * 64, seed=seed)
    train(model, tokenizer, steps, seed)
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def load_alone(folder: Path, dtype: Any = torch.float32) -> tuple[Any, Any]:
    """A model and its tokenizer, as transformers loads them."""
    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    return model.eval(), tokenizer


def alone(model: Any, tokenizer: Any, text: str, tokens: Sequence[int]) -> Any:
    """What a model says after one text: no batch, no cache, no padding; float64."""
    ids = tokenizer.encode(text, add_special_tokens=False) or [tokenizer.bos_token_id]
    with torch.no_grad():
        logits = model(torch.tensor([[*ids, *tokens]]), use_cache=False).logits
    return torch.softmax(logits[0, -1, : len(tokenizer)].double(), dim=-1)
