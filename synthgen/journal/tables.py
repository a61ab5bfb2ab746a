"""The tables of a journal."""

FORMAT = 1
"""`user_version` of the file; another one is refused."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    request BLOB NOT NULL,
    reply TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    usd REAL NOT NULL,
    reused INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)
"""

TRIES_TABLE = """
CREATE TABLE IF NOT EXISTS tries (
    key TEXT NOT NULL,
    event TEXT NOT NULL,
    requests INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    usd REAL NOT NULL
)
"""
"""Requests that left (`sent`, with what they can cost) and those that brought no reply (`failed`, with what they can
have cost); versions that do not know it leave it alone."""
SENT, FAILED, RESOLVED = "sent", "failed", "resolved"
"""`resolved`, with -1 request: the reply in the journal is what the last failure came to, so that counts as one."""

COSTS = "key, prompt_tokens, completion_tokens, cached_tokens, usd, reused"

LOST_TABLE = f"CREATE TABLE IF NOT EXISTS lost ({COSTS})"
"""What was paid for and cannot be read any more; versions that do not know it leave it alone."""

LATER_TABLES = f"{LOST_TABLE}; {TRIES_TABLE}"
"""Tables that came later than the format: a journal of it may lack them."""
