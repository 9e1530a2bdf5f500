"""Tokens of tokenizers as text: they join as the tokenizer reads them, or are said not to."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import small_transformer as small
import tokenizers
import transformers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from tokenauction.mechanisms.auction import Vocabulary
from tokenauction.mechanisms.models.token_texts import vocabulary_of

TEXTS = ["Fly to the coast and back — café, naïve 🙂", "Stay by the sea, don't go."] * 5
WORDS = "Fly by the café 🙂 sea"


def wrapped(tokenizer: tokenizers.Tokenizer) -> Any:
    """A tokenizer as transformers has it."""
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def byte_level() -> Any:
    """As of GPT-2, Llama 3 and Qwen."""
    return small.build_tokenizer(400)


def sentence_piece(strips: bool) -> Any:
    """As of Llama 2, which leaves out the first space, or of Gemma, which does not."""
    tokenizer = tokenizers.Tokenizer(models.BPE(byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(parts + [decoders.Strip(" ", 1, 0)] * strips)
    names = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=names, show_progress=False)
    tokenizer.train_from_iterator(["Fly to the coast. Stay by the sea."] * 5, trainer)
    return wrapped(tokenizer)


def word_piece() -> Any:
    """As of BERT."""
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    trainer = trainers.WordPieceTrainer(
        vocab_size=80, special_tokens=["[UNK]"], show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return wrapped(tokenizer)


def with_suffixes() -> Any:
    """As of the first GPT: a space follows a token that ends a word, save the last."""
    tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    trainer = trainers.BpeTrainer(
        vocab_size=120,
        special_tokens=["<unk>"],
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return wrapped(tokenizer)


KINDS: dict[str, tuple[Callable[[], Any], bool]] = {
    "byte-level": (byte_level, True),
    "sentence pieces": (lambda: sentence_piece(strips=False), True),
    "sentence pieces, stripped": (lambda: sentence_piece(strips=True), True),
    "word pieces": (word_piece, True),
    "suffixes": (with_suffixes, False),
}


def made(name: str) -> tuple[Any, Vocabulary]:
    """A tokenizer, and its vocabulary."""
    tokenizer = KINDS[name][0]()
    return tokenizer, vocabulary_of(tokenizer, len(tokenizer.get_vocab()), frozenset())


@pytest.mark.parametrize("name", KINDS)
def test_tokens_join_where_their_tokenizer_reads_them_alike(name: str) -> None:
    tokenizer, vocabulary = made(name)
    assert vocabulary.joins == KINDS[name][1]
    tokens = tokenizer.encode(WORDS, add_special_tokens=False)
    assert vocabulary.decode_in_context(tokens).removeprefix(" ") in (WORDS, WORDS + " ")
    assert vocabulary.decode(tokens).strip(" ") == WORDS


@pytest.mark.parametrize("name", [name for name, (_, joins) in KINDS.items() if joins])
def test_whole_tokens_read_as_in_mid_sentence(name: str) -> None:
    """The text that a tokenizer adds to another one, whatever the tokens are."""
    tokenizer, vocabulary = made(name)
    parts = vocabulary.parts or {}
    whole = [token for token in range(len(vocabulary)) if token not in parts]
    before = tokenizer.encode("sea", add_special_tokens=False)
    start = tokenizer.decode(before, clean_up_tokenization_spaces=False)
    for seed in range(50):
        tokens = random.Random(seed).choices(whole, k=12)
        read = tokenizer.decode([*before, *tokens], clean_up_tokenization_spaces=False)
        assert read == start + vocabulary.decode(tokens)


BYTE_LEVEL, OF_BYTES = made("byte-level")


@given(tokens=st.lists(st.integers(0, len(OF_BYTES) - 1), max_size=30))
def test_byte_level_tokens_read_as_the_tokenizer_reads_them(tokens: list[int]) -> None:
    """Halves of characters too, whole ones made of them, and bytes that are none."""
    read = BYTE_LEVEL.decode(tokens, clean_up_tokenization_spaces=False)
    assert OF_BYTES.decode(tokens) == read == OF_BYTES.decode_in_context(tokens)


@given(text=st.text(max_size=20))
def test_any_text_is_made_of_the_bytes_of_its_tokens(text: str) -> None:
    tokens = BYTE_LEVEL.encode(text, add_special_tokens=False)
    assert OF_BYTES.decode(tokens) == text


def test_a_name_that_stands_for_no_bytes_does_not_join() -> None:
    """Of a tokenizer that writes bytes in a way of its own."""
    tokenizer = byte_level()
    names = tokenizer.convert_ids_to_tokens

    def renamed(ids: list[int]) -> list[str]:
        return [f"{name} of mine" for name in names(ids)]

    tokenizer.convert_ids_to_tokens = renamed
    vocabulary = vocabulary_of(tokenizer, len(tokenizer.get_vocab()), frozenset())
    assert not vocabulary.joins
    tokens = tokenizer.encode(WORDS, add_special_tokens=False)
    assert vocabulary.decode(tokens) == WORDS
