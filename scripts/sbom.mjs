// What of others is in the package, as CycloneDX: the crates that are compiled into its modules, Rust's own library, and JavaScript that isn't ours. From lock files alone, so that the same
// sources give the same bytes: no time and no serial number.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./run.mjs";

const read = (path) => readFileSync(join(root, path), "utf8");

/** `{ name, version, licence, depth }` for each line of a crate's tree, as it is built for the package. A crate of the workspace has `isOwn`. */
function tree(crate) {
  const edges = ["--target", "wasm32-unknown-unknown", "--edges", "no-dev,no-build,no-proc-macro"];
  const lines = run("cargo", ["tree", "--locked", "-p", crate, ...edges, "--prefix", "depth", "--format", "|{p}|{l}"], {
    quiet: true,
  });
  return lines
    .trim()
    .split("\n")
    .map((line) => {
      const [depth, what, licence] = line.split("|");
      const [name, version] = what.split(" ");
      return {
        name,
        version: version.slice(1),
        licence: licence.replace(" (*)", ""),
        depth: Number(depth),
        isOwn: what.includes("(/"),
      };
    });
}

/** Each crate of others by its name and version, with the ids of what it needs; and of what our own need. */
function crates(modules) {
  const found = new Map();
  const direct = new Set();
  for (const { crate } of modules) {
    const path = [];
    for (const line of tree(crate)) {
      const id = line.isOwn ? undefined : `${line.name}@${line.version}`;
      path[line.depth] = id;
      if (!id) continue;
      if (!found.has(id)) found.set(id, { ...line, needs: new Set() });
      (found.get(path[line.depth - 1])?.needs ?? direct).add(id);
    }
  }
  return { found, direct };
}

/** The text of the package's SBOM. */
export async function sbom(modules) {
  const { Enums, Models, Serialize, Spec } = await import("@cyclonedx/cyclonedx-library");
  const library = (name, version, licence, purl, [algorithm, hash] = []) => {
    const component = new Models.Component(Enums.ComponentType.Library, name, { version, purl, bomRef: purl });
    component.licenses.add(new Models.LicenseExpression(licence.replaceAll("/", " OR ")));
    if (hash) component.hashes.set(algorithm, hash);
    return component;
  };
  const { version, license } = JSON.parse(read("pkg.json"));
  const main = library("wardkey", version, license, `pkg:npm/wardkey@${version}`);
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component: main }) });
  const add = (component, by) => {
    bom.components.add(component);
    by?.dependencies.add(component.bomRef);
    return component;
  };

  const checksums = new Map(
    [...read("Cargo.lock").matchAll(/name = "(.+)"\nversion = "(.+)"\nsource = .*\nchecksum = "(\w+)"/g)].map(
      ([, name, version, checksum]) => [`${name}@${version}`, checksum],
    ),
  );
  const { found, direct } = crates(modules);
  const components = new Map();
  for (const [id, { name, version, licence }] of found) {
    const hash = [Enums.HashAlgorithm["SHA-256"], checksums.get(id)];
    components.set(
      id,
      add(library(name, version, licence, `pkg:cargo/${id}`, hash), direct.has(id) ? main : undefined),
    );
  }
  for (const [id, { needs }] of found) {
    for (const other of needs) components.get(id).dependencies.add(components.get(other).bomRef);
  }
  const [, channel] = /channel = "(.+)"/.exec(read("rust-toolchain.toml"));
  add(library("std", channel, license, `pkg:generic/rust-std@${channel}`), main);
  const lzma = JSON.parse(read("package-lock.json")).packages["node_modules/lzma1"];
  const sha512 = Buffer.from(lzma.integrity.replace("sha512-", ""), "base64").toString("hex");
  add(
    library("lzma1", lzma.version, lzma.license, `pkg:npm/lzma1@${lzma.version}`, [
      Enums.HashAlgorithm["SHA-512"],
      sha512,
    ]),
    main,
  );

  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 1 })}\n`;
}
