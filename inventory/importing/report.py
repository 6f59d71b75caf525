"""What an import did, in words that the person who sent the file understands."""

from dataclasses import dataclass, field
from typing import Any

from core.errors import DomainError


class ImportRefused(DomainError):
    """The file is refused whole: nothing was changed."""


class TooManyMissing(ImportRefused):
    """The brake: so many live vehicles are missing from the file that it may be only a part."""

    def __init__(self, words: str, missing: int, live: int) -> None:
        super().__init__(words)
        self.missing, self.live = missing, live


@dataclass(frozen=True)
class Problem:
    """One thing wrong in one row. `row` counts as the file does, the heading being row 1 of a
    table; `column` is written as in the file."""

    row: int
    column: str
    reason: str


@dataclass(frozen=True)
class RejectedRow:
    """A row that stayed out: the first problem, and all of them."""

    row: int
    source_id: str
    problems: tuple[Problem, ...]

    def as_json(self) -> dict[str, Any]:
        first = self.problems[0]
        entry: dict[str, Any] = {
            "row": self.row,
            "column": first.column,
            "reason": first.reason,
            "id": self.source_id,
        }
        if len(self.problems) > 1:
            entry["problems"] = [
                {"column": problem.column, "reason": problem.reason} for problem in self.problems
            ]
        return entry


@dataclass
class Report:
    """Counts of vehicles, and the rows that need a person."""

    format: str = ""
    dialect: str = ""
    sources: list[str] = field(default_factory=list)
    is_dry_run: bool = False
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: all rows in; 1: some rejected, the good ones in."""
        return 1 if self.rejected else 0

    def as_json(self) -> dict[str, Any]:
        """The report for programs; the keys are part of the published contract."""
        return {
            "format": self.format,
            "dialect": self.dialect,
            "sources": self.sources,
            "dry_run": self.is_dry_run,
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "withdrawn": self.withdrawn,
            "rejected": [row.as_json() for row in self.rejected],
            "warnings": [
                {"row": warning.row, "column": warning.column, "reason": warning.reason}
                for warning in self.warnings
            ],
            "unknown_columns": self.unknown_columns,
        }
