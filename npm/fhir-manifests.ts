// What of a FHIR R4 resource is encrypted: docs/guide/fhir.md says why.
import { isPlain } from "./arguments.js";
import type { FieldManifest } from "./entities.js";
import { invalid } from "./errors.js";

export type FhirType = "Patient" | "Encounter" | "Observation" | "DocumentReference";

/** What stays clear, beside `resourceType` and `id`. */
const CLEAR_OF_META = ["versionId", "lastUpdated"];
const CLEAR_OF: Record<FhirType, readonly string[]> = {
  Patient: ["active"],
  Encounter: ["status"],
  Observation: ["status"],
  DocumentReference: ["status", "docStatus"],
};

/** Of an element, or of the sibling of a primitive one. */
const NAME = /^_?[A-Za-z][A-Za-z0-9]*$/;

/** `meta` keeps versionId and lastUpdated: profile, tags and labels tell what kind of care it is, and source where. */
const META = [
  "id",
  "extension",
  "_versionId",
  "_lastUpdated",
  "source",
  "_source",
  "profile",
  "_profile",
  "security",
  "tag",
].map((name) => `meta.${name}?`);
/** Elements of every resource, and the siblings in which primitive elements have their extensions. */
const OF_ALL = [
  "_id",
  "_meta",
  "implicitRules",
  "_implicitRules",
  "language",
  "_language",
  "text",
  "contained",
  "extension",
  "modifierExtension",
  "identifier",
].map((name) => `${name}?`);

/** A resource of another type is refused where one of these has an element that must be there, so that it isn't stored in clear by mistake. */
const manifest = (names: string) => Object.freeze([...META, ...OF_ALL, ...names.trim().split(/\s+/)]);

/** Which fields of a resource go into `encryptedSelf`: everything identifying or medical, references among them. Clear stay `resourceType`, `id`, `meta.versionId`,
 *  `meta.lastUpdated`, and `status`, `docStatus` or `active`. They name the elements of FHIR R4 (4.0.1): of what else a resource has, manifestFor() knows, too. */
export const manifests: { readonly [T in FhirType]: FieldManifest } = /* @__PURE__ */ Object.freeze({
  Patient: manifest(`
    _active? name? telecom? gender? _gender? birthDate? _birthDate? deceasedBoolean? _deceasedBoolean? deceasedDateTime? _deceasedDateTime? address? maritalStatus?
    multipleBirthBoolean? _multipleBirthBoolean? multipleBirthInteger? _multipleBirthInteger? photo? contact? communication? generalPractitioner?
    managingOrganization? link?`),
  Encounter: manifest(`
    _status? statusHistory? class classHistory? type? serviceType? priority? subject? episodeOfCare? basedOn? participant? appointment? period? length? reasonCode?
    reasonReference? diagnosis? account? hospitalization? location? serviceProvider? partOf?`),
  Observation: manifest(`
    _status? basedOn? partOf? category? code subject? focus? encounter? effectiveDateTime? _effectiveDateTime? effectivePeriod? effectiveTiming? effectiveInstant?
    _effectiveInstant? issued? _issued? performer? valueQuantity? valueCodeableConcept? valueString? _valueString? valueBoolean? _valueBoolean? valueInteger?
    _valueInteger? valueRange? valueRatio? valueSampledData? valueTime? _valueTime? valueDateTime? _valueDateTime? valuePeriod? dataAbsentReason? interpretation?
    note? bodySite? method? specimen? device? referenceRange? hasMember? derivedFrom? component?`),
  DocumentReference: manifest(`
    _status? _docStatus? masterIdentifier? type? category? subject? date? _date? author? authenticator? custodian? relatesTo? description? _description?
    securityLabel? content context?`),
});

/** The manifest for this resource: that of its type, and whatever else it has on its first level or in `meta`, such as elements of another release of FHIR. So nothing
 *  that nobody thought of stays clear.
 *  @throws `invalid-argument` for another type, for the name of an element that no path can name, and where what stays clear is more than one value */
export function manifestFor(resource: { readonly resourceType: string }): FieldManifest {
  if (!isPlain(resource)) throw invalid("a resource is a plain object");
  const { resourceType: type, meta = {}, ...first } = resource as { resourceType: unknown; meta?: unknown };
  if (typeof type !== "string" || !Object.hasOwn(manifests, type)) {
    throw invalid("there is a manifest for Patient, Encounter, Observation and DocumentReference");
  }
  if (!isPlain(meta)) throw invalid("meta is a plain object");
  const known = manifests[type as FhirType];
  return [
    ...known,
    ...unknown(first, "", known, ["resourceType", "id", ...CLEAR_OF[type as FhirType]]),
    ...unknown(meta, "meta.", known, CLEAR_OF_META),
  ];
}

/** Paths to what of an object is neither in a manifest nor meant to stay clear. */
function unknown(object: object, before: string, known: readonly string[], clear: readonly string[]): string[] {
  const more = [];
  for (const [name, value] of Object.entries(object)) {
    const path = before + name;
    if (clear.includes(name)) {
      if (typeof value === "object" && value !== null) throw invalid(`${path} is one value`);
    } else if (!known.includes(path) && !known.includes(`${path}?`)) {
      if (!NAME.test(name)) throw invalid("the name of an element is none of FHIR's");
      more.push(path);
    }
  }
  return more;
}
