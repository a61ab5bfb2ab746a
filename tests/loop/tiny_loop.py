"""A loop of real students that takes seconds."""

from typing import Any

TINY: dict[str, Any] = {
    "seeds": {"use": "drills", "per_family": 30, "families": ["up", "last"]},
    "held_out": {"seen": {"use": "drills", "per_family": 10, "families": ["up", "last"]}},
    "student": {"use": "transformers", "batch_size": 16, "device": "cpu"},
    "generate": {
        "stages": [
            {"use": "pre_query", "count": 16, "sampling": {"temperature": 0.7, "max_tokens": 20}},
            {"use": "synthgen.task_sets.drills:Prove"},
            {"use": "near_duplicate", "threshold": 1.0},
        ],
        "stop": {"attempts": 3},
    },
    "train": {"use": "small", "hidden": 32, "layers": 1, "heads": 2, "context": 32, "steps": 40, "batch_size": 16},
    "stop": {"rounds": 2, "least_yield": 0},
}
