"""The journal: every reply that was paid for, durable, and what can be read of a damaged one."""
