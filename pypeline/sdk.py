"""The face for module authors: everything a module type may import from PYpeline, and nothing else."""

from __future__ import annotations

from pypeline.core.columns import Column, Schema, names
from pypeline.core.declare import declare, to_registry
from pypeline.core.fields import ModuleConfig, aggregate, code, column, columns, expression, multiline, new_column, path, shell, sql, types, unit
from pypeline.core.modules import BaseModule, DataArtifact, Effects, PartitionNeed, RelationalModule, RunContext
from pypeline.core.naming import distinct, find, find_all, fresh, known_type, misfit
from pypeline.core.relation import (
    REJECT_COLUMNS,
    Expr,
    Inputs,
    Query,
    Relation,
    Scan,
    Show,
    UnionAll,
    Values,
    Write,
    col,
    literal,
    passed,
    port_alias,
    quote,
)
from pypeline.core.secret import SecretRef
from pypeline.core.variables_context import looks_secret
from pypeline.schema.problems import Path, Place, Problem, PypeError, did_you_mean

__all__ = [
    "REJECT_COLUMNS", "BaseModule", "Column", "DataArtifact", "Effects", "Expr", "Inputs", "ModuleConfig", "PartitionNeed", "Path", "Place",
    "Problem", "PypeError", "Query", "Relation", "RelationalModule", "RunContext", "Scan", "Schema", "SecretRef", "Show", "UnionAll", "Values",
    "Write", "aggregate", "code", "col", "column", "columns", "declare", "did_you_mean", "distinct", "expression", "find", "find_all", "fresh",
    "known_type", "literal", "looks_secret", "misfit", "multiline", "names", "new_column", "passed", "path", "port_alias", "quote", "shell", "sql",
    "to_registry", "types", "unit",
]  # fmt: skip
