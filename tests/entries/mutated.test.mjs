// What partners and other databases give, changed at random: each is read, or an error that the documentation names:  node --test tests/entries/mutated.test.mjs
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fromBinary, toBinary } from "../../pkg/fhir.js";
import { isWardkeyError, KeyPair } from "../../pkg/index.js";
import { openLegacy } from "../../pkg/legacy.js";
import { root } from "../../scripts/run.mjs";

const { parties, documents } = JSON.parse(readFileSync(join(root, "testdata/legacy.json"), "utf8"));
const pair = await KeyPair.importRsa(readFileSync(join(root, "testdata/rsa/2048.pem"), "utf8"));

/** The same numbers each time: below(n) is one of 0 to n - 1. */
function dice(seed) {
  let count = 0;
  return (end) => createHash("sha256").update(`${seed} ${count++}`).digest().readUInt32BE() % Math.max(end, 1);
}

const WORDS = [".", "=", '"', "{", "}", "\\", "__proto__", "A".repeat(4), "é", "\u{1f489}", "\ud800", "00", "\0"];

/** A text with a few changes, perhaps with a piece of another. */
function mutated(below, text, others) {
  let found = text;
  for (let left = below(3); left >= 0; left -= 1) {
    const at = below(found.length);
    const word = WORDS[below(WORDS.length)];
    const other = others[below(others.length)];
    const changes = [
      () => found.slice(0, at) + String.fromCharCode(found.charCodeAt(at) ^ (1 << below(7))) + found.slice(at + 1),
      () => found.slice(0, at),
      () => found.slice(0, at) + found.slice(at + 1),
      () => found.slice(0, at) + word + found.slice(at),
      () => found.slice(0, at) + other.slice(below(other.length)),
      () => found + found.slice(at),
    ];
    found = changes[below(changes.length)]();
  }
  return found;
}

/** Another value in the place of one inside of this, or a text in it that was changed. */
function changed(below, value) {
  const places = [];
  const find = (inner) => {
    for (const name of Object.keys(inner)) {
      places.push([inner, name]);
      if (typeof inner[name] === "object" && inner[name] !== null) find(inner[name]);
    }
  };
  find(value);
  const texts = places.map(([inner, name]) => inner[name]).filter((one) => typeof one === "string" && one !== "");
  for (let left = below(2); left >= 0; left -= 1) {
    const [inner, name] = places[below(places.length)];
    const [, of] = places[below(places.length)];
    const others = [undefined, null, 7, "", [], {}, true, [[]], { [of]: [] }];
    const isText = typeof inner[name] === "string" && below(3) > 0;
    inner[name] = isText ? mutated(below, inner[name], texts) : others[below(others.length)];
  }
  return value;
}

/** How so many calls end: each is read, or ends in one of these codes, all of which are seen; or in one of the others. */
async function outcomes(tries, codes, call, others = []) {
  const ends = {};
  for (let number = 0; number < tries; number += 1) {
    const end = await call().then(
      () => "read",
      (error) => (isWardkeyError(error) ? error.code : `${error?.stack}`),
    );
    assert.ok(["read", ...codes, ...others].includes(end), `${number}: ${end}`);
    ends[end] = (ends[end] ?? 0) + 1;
  }
  // They reach what is behind the form.
  for (const end of ["read", ...codes]) assert.ok(ends[end] > 0, `${end}: ${JSON.stringify(ends)}`);
}

test("Binaries", async () => {
  const below = dice("binaries");
  const bytes = new TextEncoder().encode("fracture of the left wrist");
  const made = await Promise.all(
    [undefined, "application/pdf", "text/plain; charset=utf-8"].map((contentType) =>
      toBinary(bytes, pair.publicKey, { allowLegacy: true, ...(contentType && { contentType }) }),
    ),
  );
  const compact = made.map(({ data }) => atob(data));
  const headers = compact.map((jwe) => Buffer.from(jwe.split(".")[0], "base64url").toString());
  const kinds = [
    (jwe) => mutated(below, jwe, compact),
    (jwe, at) =>
      [Buffer.from(mutated(below, headers[at], headers)).toString("base64url"), jwe.slice(jwe.indexOf("."))].join(""),
  ];
  await outcomes(1500, ["invalid-argument", "invalid-format", "unsupported-version", "decryption-failed"], async () => {
    const at = below(made.length);
    if (below(4) === 0) return fromBinary(changed(below, { ...made[at] }), pair);
    const jwe = kinds[below(kinds.length)](compact[at], at);
    return fromBinary({ ...made[at], data: Buffer.from(jwe, below(2) ? "latin1" : "utf8").toString("base64") }, pair);
  });
});

test("documents of the legacy layout", async () => {
  const below = dice("legacy");
  const reader = await openLegacy({ partyIds: "ada-0f1c", privateKeys: pair, parties });
  await outcomes(1500, ["invalid-argument", "invalid-format", "not-a-recipient", "decryption-failed"], async () => {
    const { document } = documents[below(documents.length)];
    const given = changed(below, structuredClone(document));
    const before = JSON.stringify(given);
    try {
      return await reader.read(given);
    } finally {
      assert.equal(JSON.stringify(given), before, "it is as it was");
    }
  });
});

test("records of the parties of the legacy layout", async () => {
  const below = dice("parties");
  const { document } = documents[0];
  const read = async () => {
    const given = changed(below, structuredClone(parties));
    const reader = await openLegacy({ partyIds: "ada-0f1c", privateKeys: pair, parties: given });
    try {
      return await reader.read(document);
    } finally {
      reader.free();
    }
  };
  // Each takes private operations. It takes a flip at the right place for the others.
  await outcomes(60, ["invalid-format"], read, ["invalid-argument", "not-a-recipient", "decryption-failed"]);
});
