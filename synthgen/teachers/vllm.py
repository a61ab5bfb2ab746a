"""The `vllm` teacher: vLLM's engine inside this process, with continuous batching; for the same models as a server.

Where vLLM should live in an environment of its own, run `vllm serve` and use the openai teacher with its URL.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from synthgen.checkpoints.checkpoint import checkpoint_hash, prompt_ids
from synthgen.errors import ConfigError, TeacherError
from synthgen.protocols import Teacher
from synthgen.requests.metering import FREE, Price
from synthgen.requests.request import Choice, Completion, Request, Sampling, Usage

DEFAULT_MAX_TOKENS = 512


class Vllm(Teacher, BaseModel):
    """A model served by vLLM in this process. `options` go to the engine as they are (`AsyncEngineArgs`).

    A request without a `seed` gets one from its key, so that equal requests draw alike as far as vLLM's batching lets
    them: its arithmetic may differ in the last bits between batches.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    free_settings: ClassVar[tuple[str, ...]] = ("gpu_memory_share", "price")

    path: str
    revision: str | None = None
    dtype: str = "auto"
    max_context: int | None = Field(None, ge=2)
    gpu_memory_share: float | None = Field(None, gt=0, le=1)
    options: dict[str, Any] = Field(default_factory=dict)
    sampling: Sampling | None = None
    price: Price = FREE

    _engine: Any = PrivateAttr(None)
    _tokenizer: Any = PrivateAttr(None)
    _name: str = PrivateAttr("")

    @property
    def structured(self) -> bool:
        """VLLM always can."""
        return True

    @property
    def model(self) -> str:
        """Names the weights by their hash."""
        if not self._name:
            weights = checkpoint_hash([Path(self.path)])
            self._name = f"{Path(self.path).name}@{weights or self.revision or 'main'}"
        return self._name

    async def open(self) -> None:
        """Starts the engine.

        Raises:
            ConfigError: vLLM is not installed, or it cannot load the model.
        """
        try:
            from vllm.engine.arg_utils import AsyncEngineArgs
            from vllm.v1.engine.async_llm import AsyncLLM
        except ImportError as error:
            raise ConfigError(
                f"the vllm teacher needs {error.name}",
                hint='pip install "synthgen[vllm]", or run `vllm serve` elsewhere and `use: openai` with its base_url',
            ) from error
        arguments: dict[str, Any] = {"model": self.path, "dtype": self.dtype, **self.options}
        named = {
            "revision": self.revision,
            "max_model_len": self.max_context,
            "gpu_memory_utilization": self.gpu_memory_share,
        }
        arguments |= {key: value for key, value in named.items() if value is not None}
        try:
            self._engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments))
            self._tokenizer = self._engine.get_tokenizer()
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise ConfigError(
                f"vLLM cannot serve {self.path}: {error}",
                hint="see vLLM's own messages above; options: passes any engine argument",
            ) from error

    async def close(self) -> None:
        """Stops the engine and frees its memory."""
        if self._engine is not None:
            self._engine.shutdown()
            self._engine = None

    async def complete(self, request: Request) -> Completion:
        """The reply; `n` choices where the sampling asks for them.

        Raises:
            TeacherError: the teacher is not open, or the engine died.
        """
        if self._engine is None:
            raise TeacherError("the vllm teacher is not open", hint="await teacher.open() first")
        from vllm.exceptions import VLLMClientError, VLLMServerError

        prompt = prompt_ids(self._tokenizer, request, self.path)
        final = None
        try:
            async for output in self._engine.generate(
                {"prompt_token_ids": prompt}, self._parameters(request), request_id=uuid.uuid4().hex
            ):
                final = output
        except (ValueError, VLLMClientError) as error:
            if "longer than" in str(error) or "maximum" in str(error):
                return Completion((Choice(None, "context_length"),), Usage(len(prompt), 0), self.model)
            raise TeacherError(f"vLLM refused a request: {error}") from error
        except (RuntimeError, VLLMServerError) as error:
            raise TeacherError(f"the vLLM engine failed: {error}", hint="see vLLM's own messages above") from error
        if final is None:
            raise TeacherError("the vLLM engine gave no output", hint="see vLLM's own messages above")
        choices = tuple(
            Choice(o.text, o.finish_reason or "stop", logprobs=_logprobs(o.logprobs)) for o in final.outputs
        )
        usage = Usage(len(prompt), sum(len(o.token_ids) for o in final.outputs), final.num_cached_tokens or 0)
        return Completion(choices, usage, self.model)

    def _parameters(self, request: Request) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        wanted = dict(request.sampling.body)
        wanted.setdefault("temperature", 1.0)  # said, so that the model's own generation config does not decide
        wanted.setdefault("max_tokens", DEFAULT_MAX_TOKENS)
        if wanted.get("seed") is None:
            digest = hashlib.sha256(request.key.encode()).digest()
            wanted["seed"] = int.from_bytes(digest[:4], "big") >> 1
        if wanted.pop("logprobs", None):
            wanted["logprobs"] = wanted.pop("top_logprobs", 0)
        if "logit_bias" in wanted:
            wanted["logit_bias"] = {int(token): value for token, value in wanted["logit_bias"].items()}
        if request.response_format is not None:
            schema = request.response_format.get("json_schema", {}).get("schema")
            wanted["structured_outputs"] = StructuredOutputsParams(
                json=json.dumps(schema) if schema else None, json_object=None if schema else True
            )
        return SamplingParams(**wanted, output_kind=RequestOutputKind.FINAL_ONLY)


def _logprobs(steps: Any) -> list[dict[str, Any]] | None:
    """VLLM's log-probabilities in the OpenAI API's form."""
    if steps is None:
        return None
    result = []
    for step in steps:
        ranked = sorted(step.values(), key=lambda entry: entry.rank or 0)
        chosen = next(iter(step.values()))
        top = [{"token": e.decoded_token, "logprob": e.logprob} for e in ranked if e is not chosen or len(step) == 1]
        result.append({"token": chosen.decoded_token, "logprob": chosen.logprob, "top_logprobs": top})
    return result
