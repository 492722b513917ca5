// Files that clinicians attach.
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A PDF of one page, as small as they come. */
export function writePdf(path) {
  const objects = [
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
    "<</Length 43>>stream\nBT /F 18 Tf 72 760 Td (Discharge letter) Tj ET\nendstream",
    "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
  ];
  let text = "%PDF-1.4\n";
  const places = objects.map((object, at) => {
    const place = text.length;
    text += `${at + 1} 0 obj${object}endobj\n`;
    return place;
  });
  const xref = places.map((place) => `${String(place).padStart(10, "0")} 00000 n \n`).join("");
  text += `xref\n0 6\n0000000000 65535 f \n${xref}trailer<</Size 6/Root 1 0 R>>\nstartxref\n${text.length}\n%%EOF\n`;
  writeFileSync(path, text, "latin1");
  return Buffer.from(text, "latin1");
}

/** A volume in the format NIfTI-1, 16 bits a voxel: a ball whose brightness says which slice it is. */
export function writeVolume(path, { width = 256, height = 256, slices = 64 } = {}) {
  const header = Buffer.alloc(352);
  header.writeInt32LE(348, 0);
  [3, width, height, slices, 1, 1, 1, 1].forEach((size, at) => {
    header.writeInt16LE(size, 40 + 2 * at);
  });
  header.writeInt16LE(4, 70);
  header.writeInt16LE(16, 72);
  [1, 0.5, 0.5, 1].forEach((size, at) => {
    header.writeFloatLE(size, 76 + 4 * at);
  });
  header.writeFloatLE(352, 108);
  header.write("Phantom", 148, "latin1");
  header.write("n+1\0", 344, "latin1");
  const file = openSync(path, "w");
  try {
    writeSync(file, header);
    const slice = new Int16Array(width * height);
    for (let z = 0; z < slices; z++) {
      const radius = (Math.min(width, height) / 2) * Math.sin((Math.PI * (z + 0.5)) / slices);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const distance = Math.hypot(x - width / 2, y - height / 2);
          slice[y * width + x] = distance < radius ? 1000 - Math.round(distance) + z : 0;
        }
      }
      writeSync(file, Buffer.from(slice.buffer));
    }
  } finally {
    closeSync(file);
  }
  return 352 + 2 * width * height * slices;
}

/** In the middle of a scan's upload: parts have arrived, and others haven't. */
export const HALF = 20 * 2 ** 20;

/** A volume of 34 MB, made once for a site. */
export function scan(site) {
  if (!site.scan) {
    const path = join(site.folder, "scan of the hip.nii");
    const size = writeVolume(path, { width: 512, height: 512, slices: 64 });
    site.scan = { path, size, bytes: readFileSync(path) };
  }
  return site.scan;
}
