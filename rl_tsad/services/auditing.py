"""What was done here, by whom, and when: for reviewers and admins, to look at and to take along."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from db import audit
from db.audit import EVERYTHING, AuditFilter
from db.desk_records import AuditEntry, Role
from rl_tsad.errors import DataError
from rl_tsad.services.people import Visitor, require
from rl_tsad.services.refusals import in_words
from rl_tsad.services.workspace import Workspace, write_text

COLUMNS = ("id", "at", "who", "action", "subject", "details")
AuditFormat = Literal["csv", "json"]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def audit_entries(
    ws: Workspace,
    who: Visitor,
    wanted: AuditFilter = EVERYTHING,
    *,
    limit: int | None = None,
    before: int | None = None,
) -> list[AuditEntry]:
    """List what was done, newest first.

    Args:
        ws: the workspace.
        who: a reviewer or an admin.
        wanted: which entries.
        limit: at most so many; None for all.
        before: only entries with a smaller number, for the next page.

    Raises:
        AccessError: when the visitor's role is a smaller one.
        WorkspaceError: when the store does not answer.
    """
    require(who, Role.REVIEWER, "read the audit")
    with in_words(), ws.store.read() as session:
        return audit.entries(session, wanted, limit=limit, before=before)


def audit_choices(ws: Workspace, who: Visitor) -> tuple[list[str], list[str]]:
    """Name the people and the actions that occur in the audit.

    Raises:
        AccessError: when the visitor's role is smaller than reviewer.
    """
    require(who, Role.REVIEWER, "read the audit")
    with in_words(), ws.store.read() as session:
        return audit.names(session), audit.actions(session)


def audit_count(ws: Workspace, who: Visitor, wanted: AuditFilter = EVERYTHING) -> int:
    """Count what was done.

    Raises:
        AccessError: when the visitor's role is smaller than reviewer.
    """
    require(who, Role.REVIEWER, "read the audit")
    with in_words(), ws.store.read() as session:
        return audit.count(session, wanted)


def audit_text(entries: Sequence[AuditEntry], form: AuditFormat) -> str:
    r"""Write entries as a file's text; in CSV, what a spreadsheet would take for a formula is quoted.

    Example:
        >>> audit_text([], "csv"), audit_text([], "json")
        ('id,at,who,action,subject,details\n', '[]\n')
    """
    rows = [asdict(entry) | {"at": entry.at.isoformat()} for entry in entries]
    if form == "json":
        return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        details = json.dumps(row["details"], ensure_ascii=False, sort_keys=True)
        writer.writerow([row["id"], *(_inert(row[name]) for name in COLUMNS[1:-1]), details])
    return text.getvalue()


def export_audit(ws: Workspace, who: Visitor, out: Path, wanted: AuditFilter = EVERYTHING) -> int:
    """Write the audit to a ``.csv`` or ``.json`` file, oldest first; returns how many entries that are.

    Raises:
        AccessError: when the visitor's role is smaller than reviewer.
        DataError: when the file's ending is neither.
    """
    form: AuditFormat | None = {".csv": "csv", ".json": "json"}.get(out.suffix)  # type: ignore[assignment]
    if form is None:
        raise DataError(f"expected a file that ends in .csv or .json, got {out.name!r}; choose one of these")
    entries = audit_entries(ws, who, wanted)[::-1]
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, audit_text(entries, form))
    return len(entries)


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
