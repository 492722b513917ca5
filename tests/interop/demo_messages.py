"""Takes the messages out of the demo's own database, as `leave.py` wants them.

    python tests/interop/demo_messages.py .demo/app/demo.db MESSAGES

A file for each transfer, message, attachment and entry of an address book, with what it is bound to
beside it: the contexts that the page gives (`www/src/model/record.ts`, `address-entry.ts`). An
application of your own has its own tables; this is all that has to be written for it.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path


def main(database: Path, out: Path) -> None:
    sqlite = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    out.mkdir(parents=True)

    def keep(name: str, sealed: bytes, context: dict[str, str]) -> None:
        (out / f"{name}.sealed").write_bytes(sealed)
        (out / f"{name}.sealed.context.json").write_text(json.dumps(context))

    for transfer, sealed in sqlite.execute("SELECT id, sealed FROM transfer"):
        keep(f"transfer-{transfer}", sealed, {"type": "transfer", "transfer": transfer})
    for message, transfer, sealed in sqlite.execute("SELECT id, transfer_id, sealed FROM message"):
        context = {"type": "message", "transfer": transfer, "message": message}
        keep(f"message-{message}", sealed, context)
    for (file,) in sqlite.execute("SELECT id FROM file WHERE complete").fetchall():
        parts = sqlite.execute("SELECT data FROM part WHERE file_id = ? ORDER BY part", (file,))
        sealed = b"".join(data for (data,) in parts)
        keep(f"file-{file}", sealed, {"type": "file", "file": file})
    books = "SELECT group_id, entry, sealed FROM address_book JOIN facility ON id = facility_id"
    for group, entry, sealed in sqlite.execute(books):
        context = {"type": "address-book", "group": group, "entry": str(entry)}
        keep(f"address-book-{group}-{entry}", sealed, context)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
