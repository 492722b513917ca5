// node main.js [file]: Ada encrypts a file for Tomas, piece by piece, into FILE.sealed; Tomas reads its first line, and then the whole.
import { createReadStream, createWriteStream, openAsBlob } from "node:fs";
import { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { init, Wardkey } from "wardkey";
import { memoryBackend } from "wardkey/testing";

const file = process.argv[2] ?? fileURLToPath(import.meta.url);
const sealed = `${file}.sealed`;
const context = { type: "attachment", name: file };

await init();
const backend = memoryBackend(); // on a server of yours: httpBackend({ url, token })
const [ada, tomas] = await Promise.all(
  ["ada", "tomas"].map(async (userId) => {
    const wardkey = await Wardkey.open({ appId: "transfers.example", backend, userId });
    await wardkey.register({ userId, password: `${userId}, three blue herons at dawn` });
    return wardkey;
  }),
);

const session = await ada.createSession({ recipients: [{ user: "tomas" }] });
await Readable.toWeb(createReadStream(file))
  .pipeThrough(session.encryptStream({ context, sign: true }))
  .pipeTo(Writable.toWeb(createWriteStream(sealed)));

const blob = await openAsBlob(sealed);
const his = await tomas.openSession(session.id);
const start = await his.decryptRange(blob, 0, 200, { context });
console.log(new TextDecoder().decode(start).split("\n")[0]);

const reading = his.decryptStream({ context });
let length = 0;
for await (const piece of blob.stream().pipeThrough(reading)) length += piece.length;
console.log(`${length} bytes, by ${(await reading.author)?.userId}; ${blob.size} bytes are stored`);
await Promise.all([ada.close(), tomas.close()]);
