// P3: what was decrypted is never fetched. Each run looks at the requests afterwards: /fetched/ is none that it knows.
import { equal, text } from "./tools.mjs";

const forms = (url) => [
  url,
  `<img src="${url}img"><script src="${url}script"></script><iframe src="${url}frame"></iframe>`,
  `<link rel="stylesheet" href="${url}style"><link rel="prefetch" href="${url}prefetch"><object data="${url}object">`,
  `<style>@import "${url}import"; body { background: url(${url}css) }</style>`,
  `<svg><image href="${url}svg"/></svg><meta http-equiv="refresh" content="0;url=${url}refresh">`,
  `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "${url}entity">]><a>&b;</a>`,
  JSON.stringify({ photo: `${url}json`, "@context": `${url}context` }),
  `import("${url}module"); //# sourceMappingURL=${url}map`,
];

export default {
  "P3: records of URLs and HTML make no request": async (pkg, tools) => {
    const key = await pkg.DataKey.generate();
    // The own origin, which the policy would let through, and another, which it would report.
    const records = [`${tools.url}fetched/`, "/fetched/", "http://localhost:9/fetched/"].flatMap(forms);
    for (const record of records) {
      const context = { record };
      const sealed = await key.encrypt(record, { context });
      equal(text(await key.decrypt(sealed, { context })), record, "decrypt");
      equal(text(await key.decrypt(new Blob([sealed]), { context })), record, "decrypt a Blob");
      equal(text(key.decryptSync(sealed, { context })), record, "decryptSync");
      equal(text(await key.decryptRange(new Blob([sealed]), 0, 1_000_000, { context })), record, "decryptRange");
      const stream = new Blob([sealed]).stream().pipeThrough(key.decryptStream({ context }));
      equal(await new Response(stream).text(), record, "decryptStream");
      const long = record.padEnd(700_000);
      equal(text(await key.decrypt(await key.encrypt(new Blob([long], { type: "text/html" })))), long, "a long one");
    }
    const all = await key.encryptMany(records.map((data) => ({ data })));
    const opened = await key.decryptMany(all.map((sealed) => ({ sealed })));
    equal(
      opened.map(({ value }) => text(value)),
      records,
      "decryptMany",
    );
    // A request that was begun has come by then.
    await new Promise((resolve) => setTimeout(resolve, 500));
  },
};
