import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesOf, onPage, RECORD, site } from "./harness.mjs";

describe("poorer browsers", () => {
  const LETTER = Buffer.from("Dear colleague, ".repeat(50_000));

  async function wholeStory(visit) {
    const { ward, clinic } = visit;
    await ward.write(RECORD);
    await ward.attach({ name: "letter.txt", mimeType: "text/plain", buffer: LETTER });
    await ward.send();
    await visit.backUpBoth();
    await visit.wipe();
    await clinic.unlock();
    await clinic.open();
    assert.equal((await clinic.readRecord()).Diagnosis, RECORD.diagnosis);
    assert.ok(LETTER.equals(await bytesOf(await clinic.saveFile())));
  }

  onPage("all storage blocked: everything works, from memory", wholeStory, {
    prepare: () => {
      const refuse = () => {
        throw new DOMException("blocked", "SecurityError");
      };
      for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
        Object.defineProperty(window, name, { get: refuse });
    },
  });

  onPage("no WebCrypto (plain http on an intranet): everything works, without digests", wholeStory, {
    prepare: () => Object.defineProperty(Crypto.prototype, "subtle", { value: undefined }),
  });

  test("no WebAssembly: the page says so, in words", async () => {
    const visit = await site.visit({ prepare: () => Reflect.deleteProperty(globalThis, "WebAssembly") });
    await visit.page.getByRole("status").getByText("unsupported-environment").waitFor();
    assert.match(await visit.page.locator("#notice").textContent(), /Nothing can be encrypted here/);
    await visit.close();
  });
});
