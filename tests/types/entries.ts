// The entries that aren't in the contract, as an application would use them. It is compiled against the package alone, and never runs.
import type { EncryptedEntity, FieldManifest, KeyPair, PublicKey, Wardkey } from "wardkey";
import { type FhirBinary, fromBinary, manifestFor, manifests, type OpenedBinary, toBinary, toPem } from "wardkey/fhir";
import {
  type Documents,
  type LegacyDocument,
  type LegacyParty,
  type Migrated,
  migrate,
  openLegacy,
} from "wardkey/legacy";

export async function partners(recipient: PublicKey, pair: KeyPair, blob: Blob): Promise<FhirBinary> {
  const binary = await toBinary(blob, recipient, { contentType: "application/pdf", keyId: "north", allowLegacy: true });
  await toBinary("text", recipient);
  // @ts-expect-error a PEM is no key yet
  await toBinary("text", toPem(recipient));
  // @ts-expect-error not an option
  await toBinary("text", recipient, { kid: "north" });
  const { data, contentType }: OpenedBinary = await fromBinary(binary, pair);
  const type: "Binary" = binary.resourceType;
  return { ...binary, resourceType: type, id: "7", size: data.length, type: contentType ?? "" };
}

export function fields(patient: { resourceType: "Patient"; id: string; name: { family: string }[] }): FieldManifest {
  // @ts-expect-error there is none for it
  console.log(manifests.Condition);
  // @ts-expect-error it stays as it is
  manifests.Patient.push("x");
  return [...manifests.Patient, ...manifestFor(patient)];
}

export async function move(
  wardkey: Wardkey,
  pair: KeyPair,
  parties: readonly LegacyParty[],
  rows: AsyncIterable<LegacyDocument>,
): Promise<(EncryptedEntity | string)[]> {
  using reader = await openLegacy({
    partyIds: ["ada", "clinic"],
    privateKeys: [pair],
    parties,
    formerIds: { a: ["b"] },
  });
  // @ts-expect-error whose keys they are must be said
  await openLegacy({ privateKeys: pair, parties });
  const [row]: LegacyDocument[] = [{ id: "1", encryptedSelf: "AAAA", secretForeignKeys: [], any: 1 }];
  const { entity, parentIds, readers } = await reader.read(row ?? { id: "2" });
  console.log(entity.id, Object.keys(entity), parentIds.length + readers.length);
  const sources: Documents[] = [rows, [], (after) => (after === undefined ? rows : [])];
  const controller = new AbortController();
  const kept: (EncryptedEntity | string)[] = [];
  for (const documents of sources) {
    const run = migrate(wardkey, documents, {
      reader,
      entityType: (read) => (read.parentIds.length > 0 ? "contact" : "patient"),
      manifest: ({ entity }) => Object.keys(entity),
      parties: { legacy: "ada" },
      parent: async () => undefined,
      knownIds: new Set(["1"]),
      signal: controller.signal,
      onProgress: (done: number) => console.log(done),
    });
    for await (const item of run) {
      const { outcome, position, encrypted }: Migrated = item;
      if (item.entity && encrypted) await wardkey.entities.update(item.entity, { id: item.id }, encrypted);
      kept.push(item.entity ?? item.error?.code ?? outcome, position);
    }
  }
  // @ts-expect-error who gets what must be said
  migrate(wardkey, rows, { reader, entityType: "patient", manifest: ["note"] });
  return kept;
}
