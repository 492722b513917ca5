// A FHIR `Binary` that holds a JWE: docs/SPEC.md, section 19.
import { isBlob, isPlain, toData, toOptions, wellFormed } from "./arguments.js";
import { decodeLong, encodeLong, fromBase64, fromBase64url, toBase64, toBase64url } from "./base64.js";
import * as glue from "./core/wardkey_fhir.js";
import { webCrypto } from "./engine.js";
import { doesNotOpen, invalid, isWardkeyError, WardkeyError } from "./errors.js";
import { packed } from "./fhir-data.js";
import { KeyPair, PublicKey } from "./key-pair.js";
import { unwrapRsa } from "./rsa.js";
import { SideModule } from "./side-module.js";
import type { Data, Out } from "./types.js";

const MEDIA_TYPE = "application/jose";
const ALG = "RSA-OAEP-256";
const ENC = "A256GCM";
const KEY = 32;
const IV = 12;
const TAG = 16;
/** What is worked on in one piece, in memory. */
const MAX_DATA = 64 << 20;
/** Twice base64 of it, with room for the rest. */
const MAX_TEXT = 2 * MAX_DATA;
const MAX_HEADER = 8192;
const MAX_NAME = 256;
const NO_LABEL = /* @__PURE__ */ new Uint8Array(0);

const side = /* @__PURE__ */ new SideModule(glue, packed, "wardkey/fhir");
const encoder = /* @__PURE__ */ new TextEncoder();

/** A FHIR R4 `Binary`, with what else the application or a server adds to it: `id`, `meta`, `securityContext`. */
export interface FhirBinary {
  resourceType: "Binary";
  /** `application/jose` */
  contentType: string;
  /** Base64 of the JWE's compact serialization. */
  data: string;
  [element: string]: unknown;
}

export interface ToBinaryOptions {
  /** The media type of the data, such as `application/pdf`; it stands in clear in the JWE's header, as `cty`. */
  contentType?: string;
  /** The name by which the partner finds his private key, if he has several; in clear, as `kid`. */
  keyId?: string;
  /** Wraps for RSA keys of 2048 bits, too. */
  allowLegacy?: boolean;
}

/** What a `Binary` held. */
export interface OpenedBinary {
  data: Out;
  /** The media type of the data, if its sender named one. */
  contentType?: string;
}

/** Encrypts a document for a partner who has an RSA key and no Wardkey: a FHIR `Binary` with a JWE (RFC 7516), `RSA-OAEP-256` and `A256GCM`, which every JOSE
 *  library opens. At most 64 MiB, in one piece. Nothing says who made it: anybody who has the public key can. docs/SPEC.md, section 19.
 *  @throws `invalid-argument`; `key-policy` for a key that isn't RSA's, and for rsa-2048 unless allowLegacy; `limit`, `rng`, `unsupported-environment` */
export async function toBinary(data: Data, recipient: PublicKey, options?: ToBinaryOptions): Promise<FhirBinary> {
  PublicKey.toCore(recipient);
  const { contentType, keyId, allowLegacy = false } = toOptions(options, ["contentType", "keyId", "allowLegacy"]);
  if (typeof allowLegacy !== "boolean") throw invalid("allowLegacy is not a boolean");
  if (recipient.suite === "rsa-2048" && !allowLegacy) {
    throw new WardkeyError("key-policy", "rsa-2048 only with allowLegacy");
  }
  const header = {
    alg: ALG,
    enc: ENC,
    ...(contentType !== undefined && { cty: shortType(mediaType(contentType)) }),
    ...(keyId !== undefined && { kid: name(keyId, "the key id") }),
  };
  const content = await read(data);
  const { beginContent } = await side.load();
  const begun = side.call(() => beginContent(recipient.toString()));
  const [key, iv, wrapped] = [begun.slice(0, KEY), begun.slice(KEY, KEY + IV), begun.slice(KEY + IV)] as [
    Out,
    Out,
    Out,
  ];
  begun.fill(0, 0, KEY);
  try {
    const protectedHeader = toBase64url(encoder.encode(JSON.stringify(header)));
    const sealed = await seal(key, iv, encoder.encode(protectedHeader) as Out, content);
    const end = sealed.length - TAG;
    const ciphertext = await encodeLong(sealed.subarray(0, end), toBase64url);
    const tag = toBase64url(sealed.subarray(end));
    const jwe = [protectedHeader, toBase64url(wrapped), toBase64url(iv), ciphertext, tag].join(".");
    return { resourceType: "Binary", contentType: MEDIA_TYPE, data: await encodeLong(encoder.encode(jwe), toBase64) };
  } finally {
    key.fill(0);
  }
}

/** Opens such a `Binary`, whoever made it: toBinary(), or a partner with any JOSE library.
 *  @throws `invalid-argument` for what is no `Binary`; `invalid-format` for one that holds no JWE, or names a content type that is none; `unsupported-version` for another algorithm, compression or critical extensions;
 *  `key-policy` for a key pair that isn't RSA's; `limit`; `unsupported-environment`. Whatever doesn't open, key or content, is the same `decryption-failed` */
export async function fromBinary(binary: FhirBinary, keyPair: KeyPair): Promise<OpenedBinary> {
  const { header, wrapped, iv, sealed, protectedHeader } = await parse(await compact(binary));
  KeyPair.toCore(keyPair);
  if (keyPair.suite === "hybrid") throw new WardkeyError("key-policy", "not an RSA key pair");
  await side.load();
  const key = await unwrap(keyPair, wrapped);
  try {
    const data = await open(key, iv, encoder.encode(protectedHeader) as Out, sealed);
    return header.cty === undefined ? { data } : { data, contentType: header.cty };
  } finally {
    key.fill(0);
  }
}

/** A copy: nothing can take it away while something is awaited. */
async function read(data: Data): Promise<Out> {
  const size = isBlob(data) ? data.size : undefined;
  const bytes = size === undefined ? toData(data, "text, bytes or a Blob") : undefined;
  if ((size ?? bytes?.length ?? 0) > MAX_DATA) throw new WardkeyError("limit", "longer than 64 MiB");
  if (bytes) return Uint8Array.from(bytes);
  try {
    return new Uint8Array(await Blob.prototype.arrayBuffer.call(data));
  } catch (cause) {
    throw new WardkeyError("invalid-argument", "the Blob can't be read (any more)", { cause });
  }
}

async function seal(key: Out, iv: Out, additionalData: Out, data: Out): Promise<Uint8Array> {
  const subtle = webCrypto();
  if (!subtle) return side.call(() => glue.sealContent(key, iv, additionalData, data));
  const native = await subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  return new Uint8Array(await subtle.encrypt({ name: "AES-GCM", iv, additionalData }, native, data));
}

async function open(key: Out, iv: Out, additionalData: Out, sealed: Out): Promise<Out> {
  const subtle = webCrypto();
  if (!subtle) return side.call(() => glue.openContent(key, iv, additionalData, sealed)) as Out;
  try {
    const native = await subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
    return new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv, additionalData }, native, sealed));
  } catch {
    throw doesNotOpen();
  }
}

/** The content's key, or where it doesn't unwrap one that nobody knows, as RFC 7516, section 11.5, asks: what fails then is the content. */
async function unwrap(keyPair: KeyPair, wrapped: Out): Promise<Out> {
  const other = side.call(() => glue.unknownKey()) as Out;
  try {
    const key = (await unwrapRsa(KeyPair.holder(keyPair), NO_LABEL, wrapped)) as Out;
    return key.length === KEY ? key : other;
  } catch (e) {
    if (isWardkeyError(e) && e.code === "unwrap-failed") return other;
    throw e;
  }
}

async function compact(binary: FhirBinary): Promise<string> {
  if (!isPlain(binary)) throw invalid("not a FHIR Binary");
  const { resourceType, contentType, data } = binary as Partial<FhirBinary>;
  if (resourceType !== "Binary") throw invalid("not a FHIR Binary");
  if (typeof contentType !== "string" || contentType.toLowerCase() !== MEDIA_TYPE) {
    throw new WardkeyError("invalid-format", `the Binary's contentType is not ${MEDIA_TYPE}`);
  }
  if (typeof data !== "string") throw noJwe();
  if (data.length > MAX_TEXT) throw new WardkeyError("limit", "the Binary is longer than any");
  const bytes = await decodeLong(data, fromBase64);
  if (!bytes) throw noJwe();
  return new TextDecoder("latin1").decode(bytes);
}

interface Header {
  alg: string;
  enc: string;
  /** In its long form. */
  cty?: string;
}

/** RFC 7516, sections 3.1 and 5.2. */
async function parse(jwe: string) {
  // One more than it has, if there are more.
  const parts = jwe.split(".", 6);
  if (parts.length !== 5) throw noJwe();
  const [header, wrapped, iv, content, tag] = await Promise.all(parts.map((part) => decodeLong(part, fromBase64url)));
  if (!header || !wrapped || !iv || !content || !tag) throw noJwe();
  if (iv.length !== IV || tag.length !== TAG) throw noJwe();
  if (content.length > MAX_DATA) throw new WardkeyError("limit", "longer than 64 MiB");
  const sealed = new Uint8Array(content.length + TAG);
  sealed.set(content);
  sealed.set(tag, content.length);
  return { header: toHeader(header), wrapped, iv, sealed, protectedHeader: parts[0] as string };
}

function toHeader(bytes: Out): Header {
  let header: unknown;
  try {
    if (bytes.length > MAX_HEADER) throw noJwe();
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw noJwe();
  }
  if (!isPlain(header)) throw noJwe();
  const { alg, enc, cty, crit, zip } = header;
  if (typeof alg !== "string" || typeof enc !== "string" || (cty !== undefined && typeof cty !== "string"))
    throw noJwe();
  if (alg !== ALG || enc !== ENC || crit !== undefined || zip !== undefined) {
    throw new WardkeyError("unsupported-version", `a JWE of another kind than ${ALG} with ${ENC}`);
  }
  if (cty === undefined) return { alg, enc };
  const type = longType(cty);
  // It goes into headers and pages: who sent it could put anything there.
  if (!isMediaType(type)) throw new WardkeyError("invalid-format", "the content type in the JWE is no media type");
  return { alg, enc, cty: type };
}

function noJwe(): WardkeyError {
  return new WardkeyError("invalid-format", "the Binary holds no JWE in its compact form");
}

function name(text: unknown, what: string): string {
  const short = wellFormed(text, what);
  if (short === "" || short.length > MAX_NAME) throw invalid(`${what} has 1 to ${MAX_NAME} characters`);
  return short;
}

function mediaType(text: unknown): string {
  const type = name(text, "the content type");
  if (!isMediaType(type)) throw invalid("the content type is no media type");
  return type;
}

function isMediaType(text: string): boolean {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+ *(;[\x20-\x7e]*)?$/.test(text);
}

/** RFC 7516, section 4.1.12: `application/` may be left out where no other slash follows, and stands for itself where none is. */
function shortType(type: string): string {
  const rest = type.slice("application/".length);
  return type.toLowerCase().startsWith("application/") && !rest.includes("/") ? rest : type;
}

function longType(cty: string): string {
  return cty.includes("/") ? cty : `application/${cty}`;
}
