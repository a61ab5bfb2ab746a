"""A batch as the texts in it: no padding, and what several texts begin with is computed once.

A causal model's hidden states hang on what stands before, so texts that begin alike (with a template's system prompt,
or with the task of a preferred and of a rejected answer) have the same ones there. The batch becomes one row of pieces
that each come once, and attention, which alone looks beyond a token, is taken text by text. All else of a model works
on each token for itself. What comes out is what the padded batch gives, but for the order of float additions.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import AttentionInterface

SHORTEST = 8
"""Tokens that texts must have in common for a piece of their own: a shorter one costs more than it saves."""

WITHOUT_MEANING = {"use_cache", "return_dict", "cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k"}
"""Arguments of a forward that say nothing which the layout does not say."""

WINDOWS = ("sliding_window", "attention_chunk_size")
"""Settings of models whose tokens see only so many before them, in some of the layers."""

DROPOUTS = ("attention_dropout", "attn_pdrop", "attention_probs_dropout_prob")
"""Settings of models that drop attention out without a module of its own."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One row of pieces. `ids` and `positions` [n] are its tokens and where they stand in their texts; `pieces` are
    lengths, in order; `texts` names the pieces of each text; `places` gives the index in the row of each of its tokens.
    """

    ids: list[int]
    positions: list[int]
    pieces: list[int]
    texts: list[tuple[int, ...]]
    places: list[list[int]]

    def as_arguments(self, device: Any) -> dict[str, Any]:
        """What a model's forward is given: with the layout, and a mask that no other attention can work with."""
        return {
            "input_ids": torch.tensor([self.ids], device=device),
            "position_ids": torch.tensor([self.positions], device=device),
            # Of four dimensions, so that the model makes none of its own.
            "attention_mask": torch.ones(1, 1, 0, 0, dtype=torch.bool, device=device),
            "use_cache": False,
            "layout": self,
        }

    def index(self, like: Any) -> Any:
        """`places` in the shape of a batch, int [texts, width] or [1, all texts one after another]; 0 in padding."""
        rows = self.places if like.shape[0] > 1 else [[place for row in self.places for place in row]]
        return torch.tensor([row + [0] * (like.shape[1] - len(row)) for row in rows], device=like.device)


def lay_out(texts: Sequence[Sequence[int]], *, share: bool = True) -> Layout:
    """The layout of some texts, none of them empty; with `share` what they begin with comes once."""
    made = Layout([], [], [], [()] * len(texts), [[] for _ in texts])

    def place(group: Sequence[int], at: int, before: tuple[int, ...]) -> None:
        alike: dict[Any, list[int]] = {}
        for text in group:
            start = tuple(texts[text][at : at + SHORTEST])
            alike.setdefault(start if share and len(start) == SHORTEST else text, []).append(text)
        for members in alike.values():
            first = texts[members[0]]
            end = min(len(texts[text]) for text in members)
            for text in members[1:]:
                end = next((i for i in range(at, end) if texts[text][i] != first[i]), end)
            chain, row = (*before, len(made.pieces)), len(made.ids)
            made.pieces.append(end - at)
            made.ids.extend(first[at:end])
            made.positions.extend(range(at, end))
            longer = []
            for text in members:
                made.places[text].extend(range(row, row + end - at))
                made.texts[text] = chain
                if len(texts[text]) > end:
                    longer.append(text)
            place(longer, end, chain)

    place(range(len(texts)), 0, ())
    return made


def attend(
    module: Any, query: Any, key: Any, value: Any, mask: Any, *args: Any, layout: Layout | None = None, **kwargs: Any
) -> tuple[Any, Any]:
    """`sdpa_attention_forward`; with a `layout` text by text, each token seeing those before it in its own text."""
    if layout is None:
        return sdpa_attention_forward(module, query, key, value, mask, *args, **kwargs)  # type: ignore[no-any-return]
    split = [states.split(layout.pieces, dim=2) for states in (query, key, value)]
    found: dict[int, Any] = {}
    for chain in layout.texts:
        if all(piece in found for piece in chain):
            continue  # the whole of it begins another text
        whole = [parts[chain[0]] if len(chain) == 1 else torch.cat([parts[p] for p in chain], 2) for parts in split]
        out, _ = sdpa_attention_forward(module, *whole, None, *args, **kwargs)
        for piece, part in zip(chain, out.split([layout.pieces[p] for p in chain], dim=1), strict=True):
            found.setdefault(piece, part)
    return torch.cat([found[piece] for piece in range(len(layout.pieces))], 1), None


class Compact:
    """How a model is given a batch as its texts."""

    def __init__(self, model: Any) -> None:
        config = model.config.get_text_config()
        windows = [getattr(config, name, None) for name in WINDOWS]
        self.longest = min([w for w in windows if isinstance(w, int)], default=None)
        dropped = [getattr(config, name, 0) for name in DROPOUTS]
        layers = [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)]
        # With dropout each text has a draw of its own.
        self.shares = not any((*dropped, *layers))
        AttentionInterface.register("sdpa", attend)

    @classmethod
    def of(cls, model: Any) -> Compact | None:
        """As said above, or None for a model that does not give the same hidden states so.

        Such are models whose layers look beyond a token by another way than `sdpa`, or hand on no further arguments.
        """
        if getattr(model.config, "_attn_implementation", None) != "sdpa" or getattr(model.config, "is_moe", False):
            return None
        made, backbone = cls(model), model.base_model
        rows = [[*range(SHORTEST), 1, 2, 3], [*range(SHORTEST), 4], [9, 8, 7, 6]]
        wide = max(map(len, rows))
        parameter = next(model.parameters())
        ids = torch.tensor([row + [0] * (wide - len(row)) for row in rows], device=parameter.device)
        mask = torch.tensor([[1] * len(row) + [0] * (wide - len(row)) for row in rows], device=parameter.device)
        layout = lay_out(rows, share=made.shares)
        training = model.training
        model.eval()
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a method that takes no positions: it gives something else then
                padded = backbone(input_ids=ids, attention_mask=mask, use_cache=False)[0]
                row = backbone(**layout.as_arguments(ids.device))[0][0]
        except (TypeError, ValueError, RuntimeError, IndexError, AttributeError):
            return None
        finally:
            model.train(training)
        expected, found = padded[mask.bool()].float(), row[layout.index(ids)[mask.bool()]].float()
        close = 1e-3 if parameter.dtype == torch.float32 else 0.1
        return made if bool((expected - found).abs().max() <= close * expected.std()) else None

    def layout(self, given: Mapping[str, Any]) -> Layout | None:
        """The layout of the batch that a forward is given; None where it can only be computed as it is."""
        ids, mask, positions = (given.get(name) for name in ("input_ids", "attention_mask", "position_ids"))
        known = WITHOUT_MEANING | {"input_ids", "attention_mask", "position_ids"}
        if ids is None or any(v is not None and v is not False and k not in known for k, v in given.items()):
            return None
        texts = _padded(ids, mask) if positions is None else _packed(ids, positions) if mask is None else None
        if not texts or (self.longest is not None and max(map(len, texts)) > self.longest):
            return None
        return lay_out(texts, share=self.shares)


def _padded(ids: Any, mask: Any) -> list[list[int]] | None:
    """The texts of a batch that is padded on the right."""
    if mask is None or mask.shape != ids.shape:
        return None
    lengths = mask.sum(1)
    if int(lengths.min()) == 0 or bool((mask[:, 1:] > mask[:, :-1]).any()):
        return None
    return [row[:length] for row, length in zip(ids.tolist(), lengths.tolist(), strict=True)]


def _packed(ids: Any, positions: Any) -> list[list[int]] | None:
    """The texts of a row that holds several."""
    if ids.shape[0] != 1 or positions.shape != ids.shape:
        return None
    row, starts = ids[0].tolist(), [i for i, at in enumerate(positions[0].tolist()) if at == 0]
    return [row[a:b] for a, b in zip(starts, [*starts[1:], len(row)], strict=True)]
