"""Causal language models as agents, in lock-step: every agent sees the same tokens (extra `llm`).

Agents of one model are the rows of one batch, with one forward pass a token and one cache of keys
and values; agents of different models follow in their own batches, as do prompts of different
lengths to a model with a state. A model that does not hand back what it has read is read from the
start for every token, which is said in a warning. Guarantees: a row equals, up to rounding, the
model's own answer to that agent's whole text without batch and cache; distributions are float32
(float64 of a float64 model) whatever the logits are, and stay on the device.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tokenauction.mechanisms.auction.vocabulary import Vocabulary, check_shared
from tokenauction.mechanisms.models.backend import (
    CannotLoadModel,
    ModelFailed,
    libraries,
    memory_guard,
)
from tokenauction.mechanisms.models.model_places import find
from tokenauction.mechanisms.models.pretrained import Pretrained, load
from tokenauction.theory.errors import TokenauctionError

__all__ = ["CannotLoadModel", "CausalModels", "ContextFull", "ModelFailed", "ReadsAgain"]


class ContextFull(TokenauctionError, ValueError):
    """A text that does not fit into a model's context; the message gives both lengths."""


class ReadsAgain(UserWarning):
    """A model that reads the whole text again for every token; the message says what that costs."""


class CausalModels:
    """Agents that are prompts to causal models: one model for all, or different ones.

    An agent reads its own prompt and then the common one, joined as they are: end the own prompt
    with the space or line break that belongs between them. A text ends with any token that ends a
    text for one of the models.
    """

    def __init__(self, agents: Mapping[str, tuple[Pretrained, str]], chat: bool = False) -> None:
        """Agents by name; those of one and the same model share a batch.

        Warns with ReadsAgain, once for a model. Raises ValueError without agents,
        VocabularyMismatch, ModelFailed.
        """
        if not agents:
            raise ValueError("an auction needs at least one agent")
        self.names = tuple(agents)
        self._agents = tuple(agents.values())
        self._chat = chat
        models = list(dict.fromkeys(id(model) for model, _ in self._agents))
        self._batches = [
            [i for i, (model, _) in enumerate(self._agents) if id(model) == one] for one in models
        ]
        self.vocabulary = self._shared_vocabulary()
        self.descriptions = tuple(_description(*agent) for agent in self._agents)
        for model in {id(model): model for model, _ in self._agents}.values():
            if not model.forward.keeps:
                warnings.warn(_reads_again(model), ReadsAgain, stacklevel=2)

    @classmethod
    def from_prompts(
        cls,
        model: str | Path,
        prompts: Mapping[str, str],
        *,
        device: Any = None,
        dtype: Any = None,
        chat: bool = False,
    ) -> Self:
        """Agents by name that are prompts to one model, given by its folder or as `hub:NAME`.

        `device` is CUDA where there is one, `dtype` bfloat16 there and float32 on the CPU. With
        `chat`, an agent's prompt is a message to the model, by the tokenizer's own template.
        Raises CannotLoadModel, ModelFailed, ImportError without the extra `llm`.
        """
        agents = {name: (model, prompt) for name, prompt in prompts.items()}
        return cls.from_models(agents, device=device, dtype=dtype, chat=chat)

    @classmethod
    def from_models(
        cls,
        agents: Mapping[str, tuple[str | Path, str]],
        *,
        device: Any = None,
        dtype: Any = None,
        chat: bool = False,
    ) -> Self:
        """Agents by name, each a model and a prompt to it; no model is loaded twice.

        Raises VocabularyMismatch where two models do not have the same tokens, and what
        `from_prompts` raises.
        """
        sources = dict.fromkeys(str(source) for source, _ in agents.values())
        for source in sources:
            find(source)
        loaded = {source: load(source, device, dtype) for source in sources}
        return cls({name: (loaded[str(of)], own) for name, (of, own) in agents.items()}, chat)

    def open(self, prompt: str) -> "LockStep":
        """Start a text; raises ContextFull where a prompt leaves no room for a token."""
        batches = [batch for rows in self._batches for batch in self._opened(rows, prompt)]
        return LockStep(batches, len(self.vocabulary))

    def _opened(self, rows: Sequence[int], prompt: str) -> list["_Batch"]:
        """The batches of one model's rows: one; or one for each length, where it has a state."""
        model = self._agents[rows[0]][0]
        texts = {row: model.encode(self._agents[row][1], prompt, self._chat) for row in rows}
        for row, text in texts.items():
            if model.context is not None and len(text) >= model.context:
                raise ContextFull(
                    f"the prompts of agent {self.names[row]!r} are {len(text)} tokens, and "
                    f"{model.source} reads at most {model.context}, the text included; shorten them"
                )
        lengths = {row: len(text) if model.forward.has_state else 0 for row, text in texts.items()}
        together = [[row for row in rows if lengths[row] == one] for one in set(lengths.values())]
        return [_Batch(model, some, [texts[row] for row in some]) for some in together]

    def _shared_vocabulary(self) -> Vocabulary:
        end = frozenset[int]().union(*(model.end for model, _ in self._agents))
        firsts = [rows[0] for rows in self._batches]
        found = []
        for first in firsts:
            model = self._agents[first][0]
            found.append(model.vocabulary(frozenset(t for t in end if t < model.size)))
        return check_shared([self.names[first] for first in firsts], found)


class LockStep:
    """Agents at one text."""

    def __init__(self, batches: Sequence["_Batch"], tokens: int) -> None:
        self._batches, self._size = batches, tokens
        self._tokens: list[int] = []
        self._now: Any = None

    @property
    def room(self) -> int | None:
        """How many more tokens fit into the smallest context; None where there is no limit."""
        rooms = [batch.room for batch in self._batches if batch.room is not None]
        return min(rooms) - len(self._tokens) if rooms else None

    def distributions(self) -> Any:
        """Preferred distributions of the next token: a tensor (agents, tokens) on the device.

        Raises ModelFailed when memory runs out; the text is kept, and asking again starts over.
        """
        if self._now is None:
            try:
                parts = [batch.distributions(self._tokens, self._size) for batch in self._batches]
            except BaseException:
                for batch in self._batches:
                    batch.forget()
                raise
            self._now = parts[0] if len(parts) == 1 else self._in_order(parts)
        return self._now

    def append(self, token: int) -> None:
        """Let the text go on with a token; raises ContextFull, ValueError for no token."""
        if not 0 <= token < self._size:
            raise ValueError(f"there is no token {token}; the vocabulary has {self._size}")
        if self.room == 0:
            raise ContextFull(f"the context of a model is full after {len(self._tokens)} tokens")
        self._tokens.append(int(token))
        self._now = None

    def _in_order(self, parts: Sequence[Any]) -> Any:
        torch, _ = libraries()
        place = parts[0].device
        kind = max((part.dtype for part in parts), key=lambda dtype: dtype.itemsize)
        stacked = torch.cat([part.to(place, kind) for part in parts])
        rows = [row for batch in self._batches for row in batch.rows]
        if rows == sorted(rows):
            return stacked
        return stacked[torch.tensor(rows, device=place).argsort()]


class _Batch:
    """Rows of one model, padded on the left, and the keys and values of what it has read."""

    def __init__(self, model: Pretrained, rows: Sequence[int], texts: Sequence[list[int]]) -> None:
        torch, _ = libraries()
        longest = max(len(text) for text in texts)
        filled = [[0] * (longest - len(text)) + text for text in texts]
        real = [[0] * (longest - len(text)) + [1] * len(text) for text in texts]
        self.rows = tuple(rows)
        self._model, self._texts = model, texts
        self._ids = torch.tensor(filled, device=model.device)
        self._mask = torch.tensor(real, device=model.device)
        self._padded = any(len(text) < longest for text in texts)
        self._cache: Any = None
        self._read = 0

    @property
    def room(self) -> int | None:
        """How many tokens fit after the prompts."""
        context = self._model.context
        return None if context is None else context - self._ids.shape[1]

    def distributions(self, tokens: Sequence[int], size: int) -> Any:
        """The rows' next-token distributions after the prompts and these tokens."""
        torch, _ = libraries()
        rows, longest = self._ids.shape
        doing = f"reading {rows} rows of {longest + len(tokens)} tokens on {self._model.device}"
        with memory_guard(doing):
            read = self._read_on if self._model.forward.keeps else self._read_again
            logits = read(tokens)[:, :size]
            kind = torch.promote_types(logits.dtype, torch.float32)
            return torch.softmax(logits, dim=-1, dtype=kind)

    def forget(self) -> None:
        """Drop what has been read, so that the next pass reads the whole text again."""
        self._cache, self._read = None, 0

    def _read_on(self, tokens: Sequence[int]) -> Any:
        """The last logits (rows, head); reads only what the cache does not hold yet."""
        torch, _ = libraries()
        rows, kind, device = self._ids.shape[0], self._ids.dtype, self._ids.device
        ids = torch.tensor(tokens[self._read :], dtype=kind, device=device).expand(rows, -1)
        mask = torch.cat([self._mask, self._mask.new_ones(rows, len(tokens))], dim=1)
        if self._cache is None:
            ids = torch.cat([self._ids, ids], dim=1)
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        logits, self._cache = self._model.forward.read_on(
            ids, positions, mask if self._padded else None, self._cache
        )
        self._read = len(tokens)
        return logits

    def _read_again(self, tokens: Sequence[int]) -> Any:
        """The same of a model that keeps no keys and values: every row alone, from its start."""
        torch, _ = libraries()
        rows = [torch.tensor([[*text, *tokens]], device=self._ids.device) for text in self._texts]
        return torch.cat([self._model.forward.read_all(row) for row in rows])


def _reads_again(model: Pretrained) -> str:
    return (
        f"{model.source} does not hand back what it has read (its keys and values), so it reads "
        "every agent's whole text again for each token: a text twice as long takes about four "
        "times as long"
    )


def _description(model: Pretrained, own: str) -> dict[str, str]:
    return {
        "kind": "causal model",
        "source": model.source,
        "fingerprint": model.fingerprint,
        "prompt": own,
        "dtype": model.dtype,
        "device": str(model.device),
    }
