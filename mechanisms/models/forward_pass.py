"""A model's forward pass, by the names that the model itself gives to what it takes and returns.

What is kept of a text that was read, its keys and values, is called `past_key_values` by some
releases of transformers and `cache` by others, and some models neither take it nor return it. So a
model is asked: by its signature, and by one pass over one token.
"""

from typing import Any

from tokenauction.mechanisms.models.backend import libraries, memory_guard
from tokenauction.theory.parameters import parameters_of

CACHE_NAMES = ("cache", "past_key_values")


class ForwardPass:
    """The forward pass of a model in evaluation mode.

    `keeps` says whether what it has read can be handed back to it, so that it need not read that
    again. `has_state` says that this is a state, as recurrent models have, and not keys and values
    alone. Some of these take what fills a row up for a part of the text, so rows of a batch have to
    be of one length; and some are wrong about several tokens after the first pass.
    """

    def __init__(self, model: Any) -> None:
        """Asks the model; raises ModelFailed where memory runs out."""
        self._model = model
        self._accepts = frozenset(parameters_of(model.forward))
        self._taken = next((name for name in CACHE_NAMES if name in self._accepts), None)
        self._returned = self._taken and self._found_in(self._read_one_token())
        self.keeps = self._returned is not None
        self.has_state = bool(getattr(model, "_is_stateful", False))

    def read_on(self, ids: Any, positions: Any, mask: Any, cache: Any) -> tuple[Any, Any]:
        """The last logits (rows, head) after more tokens (rows, new), and the next `cache`.

        `cache` is None at the beginning of a text, and `mask` where no row is filled up. Only for a
        model that keeps what it has read.
        """
        new = ids.shape[1]
        width = 1 if self.has_state and cache is not None else new
        for start in range(0, new, width):
            part = slice(start, start + width)
            logits, cache = self._read_part(ids[:, part], positions[:, part], mask, cache)
        return logits, cache

    def _read_part(self, ids: Any, positions: Any, mask: Any, cache: Any) -> tuple[Any, Any]:
        given = {
            "attention_mask": mask,
            "position_ids": positions,
            "logits_to_keep": 1,
            self._taken: cache,
        }
        known = {name: value for name, value in given.items() if name in self._accepts}
        found = self._call(ids, True, **known)
        return found.logits[:, -1, :], getattr(found, str(self._returned))

    def read_all(self, ids: Any) -> Any:
        """The last logits (rows, head) after whole texts (rows, tokens); nothing is kept."""
        return self._call(ids, False).logits[:, -1, :]

    def _read_one_token(self) -> Any:
        torch, _ = libraries()
        with memory_guard(f"reading one token on {self._model.device}"):
            return self._call(torch.tensor([[0]], device=self._model.device), True)

    def _call(self, ids: Any, keep: bool, **given: Any) -> Any:
        torch, _ = libraries()
        with torch.inference_mode():
            return self._model(input_ids=ids, use_cache=keep, **given)

    @staticmethod
    def _found_in(found: Any) -> str | None:
        return next((name for name in CACHE_NAMES if getattr(found, name, None) is not None), None)
