"""A causal language model and its tokenizer, loaded from where it is (extra `llm`).

What is loaded is complete or refused: a folder without a tokenizer, with weights missing or with a
tokenizer that has more tokens than the model is an error, never a model with random weights. Code
that a model folder brings along is not run.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenauction.mechanisms.auction.vocabulary import Vocabulary
from tokenauction.mechanisms.models.backend import (
    CannotLoadModel,
    choose_device,
    choose_dtype,
    is_memory,
    libraries,
    memory_guard,
    quiet,
)
from tokenauction.mechanisms.models.forward_pass import ForwardPass
from tokenauction.mechanisms.models.model_places import cannot_load, find
from tokenauction.mechanisms.models.token_texts import vocabulary_of

CONTEXT_NAMES = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length")
SAMPLED = 1024


@dataclass(frozen=True)
class Pretrained:
    """A model in evaluation mode on its device, with the tokenizer that belongs to it."""

    source: str
    model: Any
    tokenizer: Any

    @property
    def device(self) -> Any:
        """Where the model's weights are."""
        return self.model.device

    @property
    def dtype(self) -> str:
        """The type of the model's weights, such as `bfloat16`."""
        return str(self.model.dtype).removeprefix("torch.")

    @cached_property
    def size(self) -> int:
        """How many tokens there are: the tokenizer's, not the rows that pad the model's head."""
        return 1 + max(map(int, self.tokenizer.get_vocab().values()), default=-1)

    @cached_property
    def forward(self) -> ForwardPass:
        """The model's forward pass; raises ModelFailed where memory runs out."""
        return ForwardPass(self.model)

    @cached_property
    def context(self) -> int | None:
        """How many tokens the model can read; None where its configuration names no limit."""
        config = self.model.config.get_text_config()
        values = (getattr(config, name, None) for name in CONTEXT_NAMES)
        return next((value for value in values if isinstance(value, int) and value > 0), None)

    @cached_property
    def end(self) -> frozenset[int]:
        """The tokens that end a text, of the tokenizer and of the generation settings."""
        settings = getattr(self.model, "generation_config", None)
        named = getattr(settings, "eos_token_id", None)
        listed = named if isinstance(named, list | tuple) else [named]
        found = [self.tokenizer.eos_token_id, *listed]
        return frozenset(token for token in found if token is not None and 0 <= token < self.size)

    def vocabulary(self, end: frozenset[int]) -> Vocabulary:
        """The text of every token as it reads in mid-sentence."""
        return vocabulary_of(self.tokenizer, self.size, end)

    def encode(self, own: str, prompt: str, chat: bool) -> list[int]:
        """The tokens of an agent's own prompt and the common one, joined as they are.

        At least one token: a text that is empty starts with the token that begins a text. With
        `chat`, the own prompt is a message to the model and the common one starts its answer.
        Raises CannotLoadModel where the tokenizer has no chat template, or nothing to begin with.
        """
        with quiet():
            if chat:
                return self._tokens(self._as_message(own) + prompt)
            start = self.tokenizer.encode("")[:1]
            before = start if start == [self.tokenizer.bos_token_id] else []
            return [*before, *self._tokens(own + prompt)] or [self._begin()]

    def _tokens(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def _as_message(self, own: str) -> str:
        if not self.tokenizer.chat_template:
            raise CannotLoadModel(
                f"the tokenizer of {self.source} has no chat template; leave chat=True out"
            )
        message = [{"role": "user", "content": own}]
        return str(
            self.tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
        )

    def _begin(self) -> int:
        for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        raise CannotLoadModel(
            f"the prompt is empty and the tokenizer of {self.source} has no token that begins a "
            "text; give the agent or the auction a prompt"
        )

    @cached_property
    def fingerprint(self) -> str:
        """Of the configuration and the weights; sixteen hexadecimal digits.

        Every tensor counts with its name, its shape and up to 1,024 of its values, evenly spaced,
        which tells trained models of one shape apart. It is no guard against a forger.
        """
        digest = hashlib.sha256()
        settings = self.model.config.to_dict()
        for name in ("_name_or_path", "transformers_version"):
            settings.pop(name, None)
        digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            flat = tensor.detach().reshape(-1)
            values = flat[:: max(1, -(-len(flat) // SAMPLED))]
            digest.update(values.double().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]


def load(source: str | Path, device: Any = None, dtype: Any = None) -> Pretrained:
    """A model by its folder, by the name that it has in the cache of the hub, or by `hub:NAME`.

    `device` is CUDA where there is one, else the CPU; `dtype` is bfloat16 on CUDA and float32 on
    the CPU. Raises CannotLoadModel, ModelFailed where it does not fit into memory, and ImportError
    without torch and transformers.
    """
    found_at = find(source)
    torch, transformers = libraries()
    place = choose_device(torch, device)
    kind = choose_dtype(torch, dtype, place)
    name = found_at.name
    where: dict[str, Any] = {
        "local_files_only": not found_at.fetched,
        "trust_remote_code": False,
    }
    with quiet(), memory_guard(f"loading {name} as {str(kind)[6:]} on {place}"):
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(name, **where)
            model, found = transformers.AutoModelForCausalLM.from_pretrained(
                name, dtype=kind, output_loading_info=True, **where
            )
        except Exception as error:
            if is_memory(error):
                raise
            raise cannot_load(name, _reason(error)) from error
        model = model.to(place).eval()
    loaded = Pretrained(name, model, tokenizer)
    _check_complete(loaded, found)
    return loaded


def _check_complete(loaded: Pretrained, found: dict[str, Any]) -> None:
    missing = sorted(str(name) for name in found.get("missing_keys", ()))
    if missing:
        raise CannotLoadModel(
            f"{loaded.source} lacks {len(missing)} of the model's weights, {missing[0]} among them"
        )
    if not loaded.size:
        raise CannotLoadModel(f"the tokenizer of {loaded.source} has no tokens")
    rows = loaded.model.get_input_embeddings().weight.shape[0]
    if loaded.size > rows:
        raise CannotLoadModel(
            f"the tokenizer of {loaded.source} has {loaded.size} tokens and the model only {rows}; "
            "they do not belong together"
        )


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
