// The page's saved file, read and written without the page's code: what an attacker at the server can do.
const MAGIC = "wardkey-demo/1\n";
const START = MAGIC.length + 4;

export function readSaved(file) {
  const length = file.readUInt32BE(MAGIC.length);
  const manifest = JSON.parse(file.subarray(START, START + length).toString("utf8"));
  const parts = [];
  let at = START + length;
  for (const { size } of manifest.transfers.flatMap((transfer) => transfer.parts)) {
    parts.push(file.subarray(at, at + size));
    at += size;
  }
  return { manifest, parts };
}

export function writeSaved(manifest, parts) {
  const json = Buffer.from(JSON.stringify(manifest));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([Buffer.from(MAGIC), length, json, ...parts]);
}
