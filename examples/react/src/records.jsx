import { useEffect, useState } from "react";
import { useWardkey } from "./wardkey.jsx";

/** What `decryptMany` gives for these rows, again after each revocation; undefined until it is there. */
function useDecrypted(rows) {
  const wardkey = useWardkey();
  const [results, setResults] = useState();
  useEffect(() => {
    let isCurrent = true;
    async function open() {
      const items = rows.map(({ id, sealed }) => ({ sealed, context: { record: id } }));
      const opened = await wardkey.decryptMany(items).catch((error) => rows.map(() => ({ ok: false, error })));
      if (isCurrent) setResults(opened);
    }
    open();
    wardkey.addEventListener("revoked", open);
    return () => {
      isCurrent = false;
      wardkey.removeEventListener("revoked", open);
    };
  }, [wardkey, rows]);
  return results;
}

export function Records({ rows }) {
  const results = useDecrypted(rows);
  if (!results) return <p>Opening…</p>;
  return (
    <ul>
      {results.map((result, place) => (
        <li key={rows[place].id}>
          {result.ok
            ? `${result.value.text()} (${result.value.author?.userId})`
            : `can't be opened: ${result.error.code}`}
        </li>
      ))}
    </ul>
  );
}
