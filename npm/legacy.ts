/** `wardkey/legacy`: reads documents in the published legacy layout of practice-management back ends, and moves them to `wardkey.entities`. It is the only place that
 *  knows AES-CBC and SHA-1, and only opens. It adds nothing to `wardkey` itself. */
export type { LegacyDelegation, LegacyDocument, LegacyParty } from "./legacy-layout.js";
export { type LegacyEntity, LegacyReader, type OpenLegacyOptions, openLegacy } from "./legacy-reader.js";
export { type Documents, type Migrated, type MigrateOptions, migrate } from "./migrate.js";
