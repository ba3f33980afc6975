"""Every node of user SQL, looked at: what may be read, called and nested.

Comes in: sqlglot's tree of one statement. Goes out: which ports it reads, and by which column names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pypeline.core.expressions_allow import place
from pypeline.core.expressions_lex import ExpressionError, changing
from pypeline.core.functions import CHANGING, words
from pypeline.core.sqlcheck_text import statement_refused
from pypeline.core.variables import Reference
from pypeline.schema.problems import did_you_mean
from pypeline.schema.record import record

TABLE_FUNCTIONS = words("range generate_series unnest")
"""The only functions that may stand where a table stands."""

_OUTSIDE = re.compile(
    r"(read|write|sniff|parquet|duckdb|pragma|sqlite|postgres|mysql|iceberg|delta|load|st_read|enable|disable|icu_calendar|pandas|arrow|python|register|"
    r"deregister|create_external|destroy_external|inet|pg|has|truncate_duckdb)_\w*|\w+_scan|glob|query|query_table|getenv|getvariable|current_setting|set_config|"
    r"json_execute_serialized_sql|json_serialize_plan|json_deserialize_sql|setval|sleep|sleep_ms|which_secret|checkpoint|force_checkpoint|current_query|"
    r"current_query_id|current_connection_id|current_transaction_id|current_database|current_catalog|current_schemas?|current_user|current_role|session_user|"
    r"user|version|stats|in_search_path|currval|nextval|write_log|test_all_types|test_vector_types|repeat_row|summary|add_parquet_key"
)
_FILE = re.compile(r"[/\\.:*]")
_CLOCKS = {
    "CurrentDate": "current_date", "CurrentTime": "current_time", "CurrentTimestamp": "current_timestamp", "CurrentDatetime": "current_date",
    "Localtime": "localtime", "Localtimestamp": "localtimestamp", "CurrentTimestampLTZ": "current_timestamp",
}  # fmt: skip
_QUERIES = words("Select Union Intersect Except Values Subquery Pivot Table Paren")
_STATEMENTS = words(
    "Command Copy Insert Update Delete Merge Attach Detach Set SetItem Create Drop Alter AlterTable Pragma Use Describe Show Summarize Install Load Export "
    "TruncateTable Transaction Commit Rollback Cache Uncache Refresh Kill Analyze Comment Into LoadData Execute Declare Grant Revoke Lock"
)
_FILES = "it reaches files or the system: only the declared inputs of this task may be read, never a file outside the job folder"


@record
class Used:
    """What a SELECT reads: ``ports``, and the casefolded names that stand in it (None: all columns)."""

    ports: frozenset[str]
    names: frozenset[str] | None


def check_tree(tree: Any, sql: str, ports: frozenset[str] | None, references: Mapping[int, Reference]) -> Used:
    """What ``tree`` uses of ``ports``; None takes any plain name for a port.

    Raises:
        ExpressionError: a node that is not allowed, with its place.
    """
    if type(tree).__name__ not in _QUERIES or type(tree).__name__ in ("Paren", "Table"):
        raise statement_refused(_word(tree, sql), 0)
    own = {cte.alias.casefold() for cte in _all(tree, "CTE")}
    for cte in _all(tree, "CTE"):
        if "." in cte.alias or "$" in cte.alias:
            raise ExpressionError("PYE342", f"`{cte.alias}` cannot name a table of this SELECT", place(cte), "Use letters, digits and `_`.")
    used: set[str] = set()
    variables = set(references)
    names: set[str] = set()
    every = False
    for node in tree.walk():
        kind = type(node).__name__
        if kind in _STATEMENTS:
            raise statement_refused(_word(node, sql), place(node))
        if kind in ("CTE", "Subquery", "Exists") and type(node.this).__name__ not in _QUERIES:
            raise statement_refused(_word(node.this, sql), place(node.this))
        if kind == "Table":
            if node.this.meta.get("start") in references:
                raise _no_name(references[node.this.meta["start"]])
            port = _table(node, ports, own)
            used |= {port} if port else set()
        elif kind == "Anonymous" or kind in _CLOCKS:
            _function(node, kind, sql)
            every = every or node.name.lower() == "columns"
        elif kind == "Lateral" and type(node.this).__name__ == "Anonymous" and node.this.name.lower() not in TABLE_FUNCTIONS:
            raise _no_table_function(node.this.name.lower(), place(node))
        elif kind == "Pivot":
            _pivot(node)
            every = True
        elif kind == "Identifier":
            names.add(node.name.casefold())
            if node.meta.get("start") in references:
                _variable(node, references[node.meta["start"]])
                variables.discard(node.meta["start"])
        every = every or kind in ("Columns", "PositionalColumn") or (kind == "Star" and not _counts(node)) or (kind == "Join" and bool(node.args.get("method")))
    if variables:
        start = min(variables)
        raise ExpressionError("PYE336", f"`{{{{{references[start].key}}}}}` cannot stand here", start, "A variable stands for one value.")
    tables = {name.casefold() for name in used} | own | {alias.name.casefold() for alias in _all(tree, "TableAlias")}
    whole_row = any(column.name.casefold() in tables and not column.args.get("table") for column in _all(tree, "Column"))
    return Used(frozenset(used), None if every or whole_row else frozenset(names))


def _all(tree: Any, kind: str) -> list[Any]:
    return [node for node in tree.walk() if type(node).__name__ == kind]


def _table(node: Any, ports: frozenset[str] | None, own: set[str]) -> str:
    """The port that a table of the tree is, ``""`` for one of its own WITH or a table function."""
    inside = node.this
    at = place(node)
    if type(inside).__name__ != "Identifier":
        name = (inside.name if type(inside).__name__ == "Anonymous" else type(inside).__name__).lower()
        if name in TABLE_FUNCTIONS:
            return ""
        raise ExpressionError(
            "PYE343", f"table function `{name}` is not available; {_FILES}", at, "Read the file with a source module and link it to this one."
        )
    name = node.name
    if node.args.get("db") or node.args.get("catalog"):
        whole = ".".join(part.name for part in node.parts)
        raise ExpressionError("PYE342", f"`{whole}` is not a declared input of this task", at, _known(name, ports))
    if name.casefold() in own:
        return ""
    if ports is None and not _FILE.search(name):
        return str(name)
    for port in ports or ():
        if port.casefold() == name.casefold():
            return port
    if _FILE.search(name):
        raise ExpressionError(
            "PYE343",
            f"`{name}` is not a declared input of this task, and a file outside the job folder is never read",
            at,
            "Read the file with a source module and link it to this one.",
        )
    raise ExpressionError("PYE342", f"`{name}` is not a declared input of this task", at, _known(name, ports))


def _no_table_function(name: str, at: int) -> ExpressionError:
    return ExpressionError("PYE343", f"table function `{name}` is not available; {_FILES}", at, "Read the file with a source module and link it to this one.")


def _no_name(ref: Reference) -> ExpressionError:
    return ExpressionError("PYE336", f"`{{{{{ref.key}}}}}` stands for a value, not for a name", ref.start, "Write the name of the table or column itself.")


def _known(name: str, ports: frozenset[str] | None) -> str:
    hint = did_you_mean(name, ports or ())
    return hint[:1].upper() + hint[1:] if hint else "This module has no inputs."


def _function(node: Any, kind: str, sql: str) -> None:
    name = _CLOCKS.get(kind) or node.name.lower()
    word = re.search(rf"\b{name}\b", sql, re.IGNORECASE)
    at = node.meta.get("start", word.start() if word else 0)
    if name in CHANGING:
        raise changing(name, at)
    if _OUTSIDE.fullmatch(name):
        raise ExpressionError("PYE343", f"function `{name}` is not available; {_FILES}", at, "Use the declared inputs and variables.")


def _pivot(node: Any) -> None:
    fields = [*node.args.get("fields", []), *node.expressions]
    if not node.args.get("unpivot") and not any(type(field).__name__ == "In" for field in fields):
        raise ExpressionError(
            "PYE345",
            "a pivot whose columns depend on the data has no schema before the run",
            place(node),
            "List the values: `pivot input on a in ('x', 'y') using sum(b)`.",
        )


def _variable(node: Any, ref: Reference) -> None:
    if type(node.parent).__name__ != "Column" or node.parent.args.get("table") or node is not node.parent.this:
        raise _no_name(ref)


def _counts(star: Any) -> bool:
    """Whether a star is that of ``count(*)``, which reads no column."""
    return type(star.parent).__name__ == "Anonymous" and bool(star.parent.name.lower() == "count")


def _word(node: Any, sql: str) -> str:
    kind = type(node).__name__
    if kind == "Command":
        return str(node.this)
    if kind == "Summarize" or kind in ("Describe", "Show") or kind not in _STATEMENTS:
        found = re.search(r"[A-Za-z]+", sql)
        return found[0] if found else kind
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind)
