"""Words -> tokens for the embedded prior's cross-attention; also words that training never saw.

In: lower-case words. Out: (B, MAX_WORDS, size). Every word of a large frozen table has a meaning, a
small vector distilled from a sentence encoder (training/meanings.py); the words of the training
captions, which come first in the table, have a learned vector beside it. In training the learned
vector is left out at times and the meaning is shaken, so that a word that has only a meaning
lands near the captions' words that mean almost the same.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

MAX_WORDS = 10
MEANING_SCALE = 16.0  # unit vectors of 128 entries -> entries of about 1.4
RESEMBLANCE = 0.5  # cosine to the nearest word of the captions above which a word is understood


class WordTextEncoder(nn.Module):
    """Token 0 pads. An empty prompt is all padding: that is the unconditional branch."""

    def __init__(
        self,
        vocabulary: list[str],
        size: int = 128,
        heads: int = 4,
        layers: int = 2,
        taught: int | None = None,
        meanings: Int[Tensor, "V M"] | None = None,
    ):
        """vocabulary: V words, of which the first `taught` are the captions' (None: all).
        meanings: int8, 127 for 0.5; None makes the vocabulary a closed one."""
        super().__init__()
        self.vocabulary = vocabulary
        self.taught = len(vocabulary) if taught is None else taught
        self.index = {word: i + 1 for i, word in enumerate(vocabulary)}
        self.config = {"size": size, "heads": heads, "layers": layers, "taught": self.taught}
        self.words = nn.Embedding(self.taught + 1, size)
        self.lift = None if meanings is None else nn.Linear(meanings.shape[1], size, bias=False)
        self.register_buffer(
            "meanings", None if meanings is None else F.pad(meanings, (0, 0, 1, 0))
        )
        self.meanings: Tensor | None
        self.positions = nn.Parameter(torch.randn(MAX_WORDS, size) * 0.02)
        layer = nn.TransformerEncoderLayer(
            size, heads, size * 2, dropout=0.0, batch_first=True, norm_first=True
        )
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(size)

    def tokenize(self, words: list[str]) -> list[int]:
        """Words of the table -> token ids, padded or cut to MAX_WORDS; others are left out."""
        ids = [self.index[w] for w in words if w in self.index][:MAX_WORDS]
        return ids + [0] * (MAX_WORDS - len(ids))

    def forward(
        self,
        tokens: Int[Tensor, "B L"],
        unlearned: Tensor | None = None,
        shake: Tensor | None = None,
    ) -> Float[Tensor, "B L size"]:
        """unlearned: bool (B, 1), captions whose learned vectors are left out; shake: (B, L, M),
        added to the unit meanings. Both are for training."""
        learned = torch.where(tokens <= self.taught, tokens, 0)
        if unlearned is not None:
            learned = torch.where(unlearned, 0, learned)
        hidden = self.words(learned) + self.positions
        if self.lift is not None and self.meanings is not None:
            meaning = self.meanings[tokens].to(hidden.dtype) / 254
            if shake is not None:
                meaning = meaning + shake * (tokens > 0)[..., None]
            hidden = hidden + self.lift(meaning * MEANING_SCALE)
        return self.norm(self.transformer(hidden))

    def resemblance(self, word: str) -> tuple[str, float]:
        """The captions' word whose meaning is nearest to `word`'s, and their cosine; a word of the
        captions resembles itself. ("", 0.0) where the table has no meaning for it."""
        place = self.index.get(word)
        if place is not None and place <= self.taught:
            return word, 1.0
        if place is None or self.meanings is None:
            return "", 0.0
        taught = F.normalize(self.meanings[1 : self.taught + 1].float(), dim=-1)
        cosines = taught @ F.normalize(self.meanings[place].float(), dim=-1)
        best = int(cosines.argmax())
        return self.vocabulary[best], float(cosines[best])

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config, indent=1) + "\n")
        (folder / "words.txt").write_text("\n".join(self.vocabulary) + "\n", encoding="utf-8")
        save_file(self.state_dict(), folder / "model.safetensors")

    @classmethod
    def from_pretrained(cls, folder: Path) -> WordTextEncoder:
        """Raises OSError, ValueError or RuntimeError where the folder is not whole."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        vocabulary = (folder / "words.txt").read_text(encoding="utf-8").split()
        weights = load_file(folder / "model.safetensors")
        weights = {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
        meanings = weights["meanings"][1:] if "meanings" in weights else None
        encoder = cls(vocabulary, meanings=meanings, **config)
        encoder.load_state_dict(weights)
        return encoder.eval()
