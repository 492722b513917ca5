// The entries that aren't in the contract, as an application would use them. It is compiled against the package alone, and never runs.
import type { KeyPair, PublicKey } from "wardkey";
import { type FhirBinary, fromBinary, manifestFor, manifests, type OpenedBinary, toBinary, toPem } from "wardkey/fhir";

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

export function fields(patient: {
  resourceType: "Patient";
  id: string;
  name: { family: string }[];
}): readonly string[] {
  // @ts-expect-error there is none for it
  console.log(manifests.Condition);
  // @ts-expect-error it stays as it is
  manifests.Patient.push("x");
  return [...manifests.Patient, ...manifestFor(patient)];
}
