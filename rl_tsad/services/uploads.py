"""A file of answers handed in at the page: added under the name of whoever hands it in, noted in the audit."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

from db.desk_records import Role
from rl_tsad.errors import DataError
from rl_tsad.services.importing import Imported, ImportOptions, import_answers
from rl_tsad.services.people import Visitor, changing, require, write_audit
from rl_tsad.services.workspace import Workspace


def take_file(
    ws: Workspace, who: Visitor, name: str, content: bytes, *, options: ImportOptions, dry_run: bool = False
) -> Imported:
    """Add the answers of a handed-in file, all of them or none; whoever hands it in has said them.

    Args:
        ws: the workspace.
        who: hands it in; names in the file do not count, so that nobody signs as somebody else.
        name: what the file is called; formats are told by its ending and content.
        content: what is in it.
        options: how it is read.
        dry_run: only say what would be added.

    Raises:
        AccessError: when they may not answer.
        DataError: names file and line; nothing was added then.
    """
    require(who, Role.ANALYST, "hand in answers")
    plain = PurePosixPath(name.replace("\\", "/")).name
    if plain in {"", ".", ".."}:
        raise DataError(f"expected a file with a name, got {name!r}; rename it")
    asked = replace(options, analyst=who.name, trust_names=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / plain
        path.write_bytes(content)
        try:
            found = import_answers(ws, path, asked, dry_run=dry_run)
        except DataError as error:
            raise DataError(str(error).replace(f"{folder}/", "")) from None
    if not dry_run:
        with changing(ws) as session:
            write_audit(session, who.name, "answers/import", plain, windows=found.added, form=found.form.value)
    return found
