/** `wardkey/fhir`: what is encrypted of FHIR R4 resources, and `Binary` resources for partners without Wardkey. It adds nothing to `wardkey` itself. */
export { type FhirBinary, fromBinary, type OpenedBinary, type ToBinaryOptions, toBinary } from "./fhir-binary.js";
export { type FhirType, manifestFor, manifests } from "./fhir-manifests.js";
export { toPem } from "./spki.js";
