"""Loading causal models: what is silent, what is refused, and running out of memory."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import small_transformer as small
import torch
import transformers
from safetensors.torch import load_file, save_file

from tokenauction.mechanisms.models.causal_models import (
    CannotLoadModel,
    CausalModels,
    ContextFull,
    ModelFailed,
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A model folder to break."""
    return Path(shutil.copytree(small.saved(), tmp_path / "model"))


# Loading


def test_descriptions_say_what_the_agent_is(copy: Path) -> None:
    (one, two, _) = CausalModels.from_prompts(
        small.saved(), small.PROMPTS, device="cpu"
    ).descriptions
    assert one["kind"] == "causal model"
    assert one["source"] == str(small.saved())
    assert (one["prompt"], two["prompt"]) == ("Alora Air:\n", "")
    assert (one["dtype"], one["device"]) == ("float32", "cpu")
    assert len(one["fingerprint"]) == 16
    moved = CausalModels.from_prompts(copy, small.PROMPTS, device="cpu").descriptions[0]
    assert moved["fingerprint"] == one["fingerprint"] != moved["source"]
    other = CausalModels.from_prompts(
        small.saved(seed=1), small.PROMPTS, device="cpu"
    ).descriptions[0]
    assert other["fingerprint"] != one["fingerprint"], "same shape, other weights"


def test_loading_and_asking_is_silent(
    capfd: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    folder, logging = small.saved(), transformers.utils.logging
    request.addfinalizer(partial(logging.set_verbosity, logging.get_verbosity()))
    logging.set_verbosity_info()
    capfd.readouterr()
    agents = CausalModels.from_prompts(folder, small.PROMPTS)
    with pytest.raises(ContextFull):
        agents.open("sea " * 200)
    agents.open("").distributions()
    assert capfd.readouterr() == ("", "")
    assert logging.get_verbosity() == logging.INFO, "as it was before"
    assert logging.is_progress_bar_enabled()


def _without_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _with_more_tokens(folder: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"<extra {i}>" for i in range(100)])
    tokenizer.save_pretrained(folder)


def _cut_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])


def _without_a_tokenizer(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()


def _empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


BREAKAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "cannot load"),
    "empty folder": (_empty, "cannot load"),
    "no configuration": (lambda f: (f / "config.json").unlink(), "cannot load"),
    "broken configuration": (lambda f: (f / "config.json").write_text("{"), "cannot load"),
    "unknown kind": (
        lambda f: (f / "config.json").write_text('{"model_type": "pumpkin"}'),
        "cannot load",
    ),
    "no tokenizer": (_without_a_tokenizer, "tokenizer"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "cannot load"),
    "cut weights": (_cut_weights, "cannot load"),
    "a weight missing": (_without_a_weight, r"lacks 1 of the model's weights, model\.norm"),
    "a larger tokenizer": (_with_more_tokens, "do not belong together"),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_what_cannot_be_loaded_is_one_clear_error(copy: Path, breakage: str) -> None:
    breaks, message = BREAKAGES[breakage]
    breaks(copy)
    with pytest.raises(CannotLoadModel, match=message) as caught:
        CausalModels.from_prompts(copy, small.PROMPTS)
    assert str(copy) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_hub_name_without_a_network_is_one_clear_error() -> None:
    with pytest.raises(CannotLoadModel, match=r"from no-such-maker/no-such-model: .*hub"):
        CausalModels.from_prompts("no-such-maker/no-such-model", small.PROMPTS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "abacus"}, "'abacus' is not a device"),
        ({"dtype": "int8"}, "'int8' is not a type of weights"),
        ({"dtype": "softmax"}, "'softmax' is not a type of weights"),
    ],
)
def test_unusable_options_are_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CannotLoadModel, match=message):
        CausalModels.from_prompts(small.saved(), small.PROMPTS, **options)


def test_cuda_where_there_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(CannotLoadModel, match="no CUDA device here; use device='cpu'"):
        CausalModels.from_prompts(small.saved(), small.PROMPTS, device="cuda")


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_extra_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small.saved()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf'{package}: pip install "tokenauction\[llm\]"'):
        CausalModels.from_prompts(folder, small.PROMPTS)


def test_importing_the_module_loads_no_torch() -> None:
    code = (
        "import sys, tokenauction.mechanisms.models.causal_models as m\n"
        "print({'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# Memory


def _out_of_device_memory() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...")


def _out_of_host_memory() -> None:
    torch.empty(1 << 60, dtype=torch.uint8)


def _out_of_python_memory() -> None:
    raise MemoryError


@pytest.mark.slow
@pytest.mark.parametrize(
    "fail", [_out_of_device_memory, _out_of_host_memory, _out_of_python_memory]
)
def test_out_of_memory_gives_sizes_and_a_way_out(
    fail: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = CausalModels.from_models(
        {"a": (small.saved(), "Alora Air:\n"), "b": (small.saved("gpt2"), "")}, device="cpu"
    )
    session = agents.open("Fly")
    session.distributions()
    session.append(300)
    failing = agents._agents[1][0].model
    with monkeypatch.context() as patch:
        patch.setattr(failing, "forward", lambda **_: fail())
        with pytest.raises(ModelFailed, match=r"reading 1 rows of \d+ tokens on cpu.*smaller"):
            session.distributions()
    dists = session.distributions()
    for row, folder, own in zip(
        dists, (small.saved(), small.saved("gpt2")), ("Alora Air:\n", ""), strict=True
    ):
        expected = small.alone(*small.load_alone(folder), own + "Fly", [300])
        assert float((row - expected).abs().max()) < 1e-5, "the text was kept"


def test_out_of_memory_while_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small.saved()
    monkeypatch.setattr(torch.nn.Module, "to", lambda *_, **__: _out_of_device_memory())
    with pytest.raises(ModelFailed, match=r"loading .* as float32 on cpu: CUDA out of memory"):
        CausalModels.from_prompts(folder, small.PROMPTS, device="cpu")


def test_other_failures_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    agents = CausalModels.from_prompts(small.saved(), small.PROMPTS, device="cpu")

    def broken(**_: Any) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(agents._agents[0][0].model, "forward", broken)
    with pytest.raises(RuntimeError, match=r"^shapes do not match$"):
        agents.open("").distributions()
