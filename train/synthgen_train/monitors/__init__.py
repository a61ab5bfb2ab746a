"""What a training may have broken: a student and the model before it, on the same probes."""

from __future__ import annotations

from pathlib import Path

from synthgen_train.monitors.paired import MonitorReport

__all__ = ["MonitorReport", "monitor"]


def monitor(
    model: str | Path,
    baseline: str | Path | None = None,
    *,
    out: Path | None = None,
    data: Path | None = None,
    trained_on: Path | None = None,
    canaries: int = 0,
    seed: int = 0,
    max_tokens: int = 128,
    limit: int | None = None,
) -> MonitorReport:
    """Measures both models on the bundled probes and holds the differences against the gates.

    `data` are records for held-out exact match, `trained_on` are records looked for word for word; `canaries` and
    `seed` are those of the training. A baseline without a chat template is asked in the student's.

    Raises:
        ConfigError: a model or a dataset cannot be read.
    """
    from synthgen_train import data as reading
    from synthgen_train.generation import load_trained
    from synthgen_train.monitors.observe import Observation, observe
    from synthgen_train.monitors.paired import compare, gate_of
    from synthgen_train.monitors.probes import canaries as make_canaries
    from synthgen_train.monitors.probes import digest

    held = reading.read(data) if data else []
    trained = reading.read(trained_on) if trained_on else []
    planted = make_canaries(canaries, seed)
    template: str | None = None

    def look(name: str | Path) -> Observation:
        nonlocal template
        found, tokenizer = load_trained(name)
        tokenizer.chat_template = template = tokenizer.chat_template or template
        return observe(
            found, tokenizer, data=held, trained_on=trained, planted=planted, max_tokens=max_tokens, limit=limit
        )

    own = look(model)
    before = look(baseline) if baseline is not None else None
    comparisons = [
        compare(name, values, before.values[name] if before else None, gate_of(name))
        for name, values in own.values.items()
    ]
    report = MonitorReport(str(model), str(baseline) if baseline else None, comparisons, digest())
    if out is not None:
        report.write(out, own, before)
    return report
