"""The `transformers` teacher: a local checkpoint, batched by length; what every trained student is served by.

The same request gives the same reply whatever it is batched with: each row draws from random numbers of its own, seeded
by the request's key, and every batch of a length has the same shape (rows that nobody asked for are padding), so that
the arithmetic of a row does not depend on its neighbours.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from synthgen.checkpoints.checkpoint import base_and_adapter, checkpoint_hash, prompt_ids
from synthgen.errors import ConfigError, TeacherError
from synthgen.protocols import Teacher
from synthgen.requests.metering import FREE, Price
from synthgen.requests.request import Choice, Completion, Request, Sampling, Usage

if TYPE_CHECKING:
    from synthgen.checkpoints.sampling_rows import Row

LENGTH_STEP = 16
"""Prompts are padded to a multiple of this many tokens: few shapes, little waste."""

DEFAULT_MAX_TOKENS = 512


@dataclass(slots=True)
class _Job:
    request: Request
    ids: list[int]
    row_seed: int
    done: asyncio.Future[_Reply]


@dataclass(slots=True)
class _Reply:
    text: str
    finish_reason: str
    tokens: int
    logprobs: list[dict[str, Any]] | None


def _waiting_room() -> dict[tuple[int, str], list[_Job]]:
    return defaultdict(list)


def _adapted(model: Any, adapter: str, tokens: int) -> Any:
    """The model under its adapter, with an embedding for each of so many tokens and the adapter's own stop tokens."""
    from peft import PeftModel
    from transformers import GenerationConfig

    if tokens > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(tokens, mean_resizing=False)  # the new ones are in the adapter
    if (Path(adapter) / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(adapter)
    return PeftModel.from_pretrained(model, adapter)


class Transformers(Teacher, BaseModel):
    """A causal language model loaded by Transformers, on the CPU or a GPU, in a thread of its own.

    `path` is a checkpoint's folder, or a name on the Hub that is in the local cache. `batch_size` rows are generated
    together: those of one padded length and one sampling. `adapter` is the folder of a PEFT adapter; where `path` is
    one, its base is what it names.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    free_settings: ClassVar[tuple[str, ...]] = ("device", "batch_size", "price")

    path: str
    adapter: str | None = None
    revision: str | None = None
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    batch_size: int = Field(16, ge=1)
    max_context: int | None = Field(
        None, ge=2, description="prompt and reply together, in tokens; the model's own if null"
    )
    sampling: Sampling | None = None
    structured: Literal[False] = False
    price: Price = FREE

    _model: Any = PrivateAttr(None)
    _tokenizer: Any = PrivateAttr(None)
    _name: str = PrivateAttr("")
    _stops: tuple[int, ...] = PrivateAttr(())
    _context: int = PrivateAttr(0)
    _thread: ThreadPoolExecutor | None = PrivateAttr(None)
    _waiting: dict[tuple[int, str], list[_Job]] = PrivateAttr(default_factory=_waiting_room)
    _wake: asyncio.Event | None = PrivateAttr(None)
    _worker: asyncio.Task[None] | None = PrivateAttr(None)

    @property
    def model(self) -> str:
        """Names the weights by their hash, so that a retrained checkpoint at the same path is another teacher."""
        if not self._name:
            weights = checkpoint_hash([Path(p) for p in base_and_adapter(self.path, self.adapter) if p])
            self._name = f"{Path(self.path).name}@{weights or self.revision or 'main'}"
        return self._name

    async def open(self) -> None:
        """Loads the model.

        Raises:
            ConfigError: Transformers or torch is not installed, or the checkpoint cannot be loaded.
        """
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="synthgen-transformers")
        await asyncio.get_running_loop().run_in_executor(self._thread, self._load)
        self._wake = asyncio.Event()
        self._worker = asyncio.create_task(self._serve())

    async def close(self) -> None:
        """Ends the worker and frees the model."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        self._model = None

    def _load(self) -> None:
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise ConfigError(
                f"the transformers teacher needs {error.name}", hint='pip install "synthgen[transformers]"'
            ) from error
        options = {"revision": self.revision} if self.revision else {}
        dtype = self.dtype if self.dtype == "auto" else getattr(torch, self.dtype)
        base, adapter = base_and_adapter(self.path, self.adapter)
        own_tokens = adapter is not None and (Path(adapter) / "tokenizer_config.json").is_file()
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(adapter if own_tokens else base, **options)
            model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, **options)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"cannot load a model from {base}: {error}",
                hint="path is the folder of a checkpoint with config.json, weights and tokenizer, or of an adapter",
            ) from error
        if adapter is not None:
            model = _adapted(model, adapter, len(self._tokenizer) if own_tokens else 0)
        device = self.device if self.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        self._model = model.to(device).eval()
        eos = self._model.generation_config.eos_token_id
        stops = [] if eos is None else [eos] if isinstance(eos, int) else list(eos)
        if self._tokenizer.eos_token_id is not None:
            stops.append(self._tokenizer.eos_token_id)
        self._stops = tuple(dict.fromkeys(stops))
        own = getattr(self._model.config, "max_position_embeddings", None) or 4096
        self._context = min(own, self.max_context or own)

    async def complete(self, request: Request) -> Completion:
        """The reply; `n` choices where the sampling asks for them.

        Raises:
            TeacherError: the checkpoint has no chat template and the request is a chat, or the teacher is not open.
        """
        if self._wake is None:
            raise TeacherError("the transformers teacher is not open", hint="await teacher.open() first")
        ids = prompt_ids(self._tokenizer, request, self.path)
        if len(ids) + 1 > self._context:
            return Completion((Choice(None, "context_length"),), Usage(len(ids), 0), self.model)
        loop = asyncio.get_running_loop()
        digest = hashlib.sha256(request.key.encode()).digest()
        padded = -(-len(ids) // LENGTH_STEP) * LENGTH_STEP
        shape = (padded, str(sorted(request.sampling.body.items(), key=lambda item: item[0])))
        jobs = [
            _Job(request, ids, int.from_bytes(digest[:7], "big") + number, loop.create_future())
            for number in range(request.sampling.n or 1)
        ]
        self._waiting[shape].extend(jobs)
        self._wake.set()
        replies = await asyncio.gather(*(job.done for job in jobs))
        choices = tuple(Choice(r.text, r.finish_reason, logprobs=r.logprobs) for r in replies)
        return Completion(choices, Usage(len(ids), sum(r.tokens for r in replies)), self.model)

    async def _serve(self) -> None:
        """Generates batch after batch: the shape that most rows wait for comes first."""
        loop = asyncio.get_running_loop()
        if self._wake is None:
            return
        while True:
            await self._wake.wait()
            await asyncio.sleep(0)  # let all that can be asked now be asked
            if not self._waiting:
                self._wake.clear()
                continue
            shape = max(self._waiting, key=lambda s: len(self._waiting[s]))
            jobs = self._waiting.pop(shape)
            if jobs[self.batch_size :]:
                self._waiting[shape] = jobs[self.batch_size :]
            jobs = jobs[: self.batch_size]
            try:
                replies = await loop.run_in_executor(self._thread, self._generate, jobs, shape[0])
            except Exception as error:  # noqa: BLE001 (whatever it is, those who wait must hear of it)
                failure = TeacherError(f"{self.path} failed to generate: {error}", hint="a smaller batch_size may help")
                for job in jobs:
                    if not job.done.done():
                        job.done.set_exception(failure)
                continue
            for job, reply in zip(jobs, replies, strict=True):
                if not job.done.done():
                    job.done.set_result(reply)

    def _generate(self, jobs: Sequence[_Job], padded: int) -> list[_Reply]:
        """Replies to jobs of one padded length and one sampling. Runs in the model's thread."""
        import torch

        from synthgen.checkpoints.sampling_rows import Row, RowSampler, RowStopper

        sampling = jobs[0].request.sampling
        room = self._context - padded
        max_tokens = max(1, min(sampling.max_tokens or DEFAULT_MAX_TOKENS, room))
        pad = self._tokenizer.pad_token_id
        pad = pad if pad is not None else self._stops[0] if self._stops else 0
        count = self.batch_size
        input_ids = torch.full((count, padded), pad, dtype=torch.long)
        attention_mask = torch.zeros((count, padded), dtype=torch.long)
        for i in range(count):
            ids = jobs[min(i, len(jobs) - 1)].ids
            input_ids[i, padded - len(ids) :] = torch.tensor(ids)
            attention_mask[i, padded - len(ids) :] = 1
        rows = [Row(job.row_seed, bool(sampling.logprobs), sampling.top_logprobs or 0) for job in jobs]
        stopper = RowStopper(self._tokenizer, padded, len(jobs), sampling.stop or ())
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=input_ids.to(self._model.device),
                attention_mask=attention_mask.to(self._model.device),
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                max_new_tokens=max_tokens,
                pad_token_id=pad,
                eos_token_id=list(self._stops) or None,
                logits_processor=[RowSampler(rows, sampling, self._stops)],
                stopping_criteria=[stopper],
            )
        return [self._reply(output[i, padded:].tolist(), rows[i], sampling) for i in range(len(jobs))]

    def _reply(self, ids: list[int], row: Row, sampling: Sampling) -> _Reply:
        end = next((i for i, token in enumerate(ids) if token in self._stops), None)
        finish = "length" if end is None else "stop"
        tokens = len(ids) if end is None else end + 1
        text = self._tokenizer.decode(ids if end is None else ids[:end], skip_special_tokens=True)
        cut = min((at for stop in sampling.stop or () if (at := text.find(stop)) >= 0), default=None)
        if cut is not None:
            text, finish = text[:cut], "stop"
        logprobs = row.logprobs(self._tokenizer, tokens) if sampling.logprobs else None
        return _Reply(text, finish, tokens, logprobs)
