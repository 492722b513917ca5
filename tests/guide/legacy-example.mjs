// What docs/guide/legacy.md reads: documents as @icure/api makes them.
import { readFileSync } from "node:fs";

export function legacyDatabase() {
  const { parties, documents } = JSON.parse(readFileSync(new URL("testdata/legacy.json", import.meta.url), "utf8"));
  const privateKey = readFileSync(new URL("testdata/rsa/2048.pem", import.meta.url), "utf8");
  return { documents: documents.map(({ document }) => document), parties, privateKey };
}
