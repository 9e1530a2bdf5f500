"""torch and transformers as the rest uses them: found, quiet, and clear when memory runs out.

Importing this file imports neither; the functions do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenauction.theory.errors import TokenauctionError


class CannotLoadModel(TokenauctionError, ValueError):
    """A model that cannot be read, or that cannot be an agent; the message says why."""


class ModelFailed(TokenauctionError, RuntimeError):
    """A model that ran out of memory; the message gives the sizes and the way out."""


def libraries() -> tuple[Any, Any]:
    """torch and transformers; raises ImportError that names the extra."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ImportError(
            f'causal models need {error.name}: pip install "tokenauction[llm]"'
        ) from error
    return torch, transformers


def in_hub_cache(name: str, file: str) -> Path | None:
    """A file of a model that the hub's library has fetched before; None also without the extra."""
    try:
        from transformers.utils.hub import try_to_load_from_cache

        found = try_to_load_from_cache(name, file)
    except (ImportError, ValueError):  # no extra, or no name on the hub
        return None
    return Path(found) if isinstance(found, str) else None


def byte_level_alphabet() -> dict[str, int]:
    """The byte that each character stands for in the names of byte-level tokenizers."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return {character: byte for byte, character in bytes_to_unicode().items()}


def choose_device(torch: Any, device: Any) -> Any:
    """The device asked for, or CUDA where there is one; raises CannotLoadModel."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise CannotLoadModel(f"{device!r} is not a device; use 'cpu' or 'cuda'") from error
    if place.type == "cuda" and not torch.cuda.is_available():
        raise CannotLoadModel("there is no CUDA device here; use device='cpu'")
    return place


def choose_dtype(torch: Any, dtype: Any, place: Any) -> Any:
    """The type of weights asked for, or the device's default; raises CannotLoadModel."""
    if dtype is None:
        return torch.bfloat16 if place.type == "cuda" else torch.float32
    kind = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(kind, torch.dtype) or not kind.is_floating_point:
        raise CannotLoadModel(f"{dtype!r} is not a type of weights; use 'float32' or 'bfloat16'")
    return kind


@contextmanager
def memory_guard(doing: str) -> Iterator[None]:
    """Turns an out-of-memory error, of a device or of the host, into one ModelFailed."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_memory(error):
            raise
        detail = (str(error).strip().splitlines() or ["no memory is left"])[0]
        raise ModelFailed(
            f"out of memory while {doing}: {detail}. Use a smaller model, fewer agents, shorter "
            "prompts or dtype='bfloat16'"
        ) from error


def is_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    torch, _ = libraries()
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and ("DefaultCPUAllocator" in said or _NO_MEMORY in said)


_NO_MEMORY = "not enough memory"


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no warnings of transformers, inside; as before, afterwards."""
    _, transformers = libraries()
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
