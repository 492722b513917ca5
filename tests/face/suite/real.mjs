// The suites that go through a key server, as they run over a real one too.
import account from "./account.mjs";
import backends from "./backends.mjs";
import clientArguments from "./client-arguments.mjs";
import clientCache from "./client-cache.mjs";
import entities from "./entities.mjs";
import groups from "./groups.mjs";
import recipients from "./recipients.mjs";
import recovery from "./recovery.mjs";
import sharing from "./sharing.mjs";
import trust from "./trust.mjs";

const CHANGED = "what the test itself answers, over and over";
/** Tests that stay with memoryBackend(), and why. */
const IN_MEMORY = {
  backends: {
    "whatever it answers, whole": CHANGED,
    "whatever stands in a reply": CHANGED,
    "whatever stands in the replies to an unlocking": CHANGED,
  },
  sharing: { "Node ends when nothing is to be done": "a process of its own, over memoryBackend()" },
  account: { "what storeLoginSecret fails with, and then either password opens": "copies of the server's state" },
  recovery: { "a code is of one recovery, once, for ten minutes": "the server's clock is moved" },
  entities: {
    "a page lives on while many are opened": "what is encrypted and decrypted here",
    "arguments that are none": "what is refused here",
  },
  groups: {
    "heads end: nothing is written for a group of which nobody is on line": "the server's clock is moved",
    "heads are signed by who is on line, by themselves": "the server's clock is moved",
  },
};

/** Suites that stay, each with its reason: `testing` is about memoryBackend() itself, `parts` about what a copy of the package loads, `locking` about
 *  what is in its memory, `sessionData` about what is encrypted, `httpBackend` and `httpEvents` about answers that a script gives in the server's place; others go through
 *  no key server. */
const all = {
  account,
  backends,
  clientArguments,
  clientCache,
  entities,
  groups,
  recipients,
  recovery,
  sharing,
  trust,
};

export const suites = Object.fromEntries(
  Object.entries(all).map(([suite, tests]) => {
    const staying = IN_MEMORY[suite] ?? {};
    for (const name of Object.keys(staying)) if (!tests[name]) throw new Error(`no such test in ${suite}: ${name}`);
    return [suite, Object.fromEntries(Object.entries(tests).filter(([name]) => !(name in staying)))];
  }),
);

/** Those that say most of a browser: what of it goes over the network, and streams of events. What accounts do there, they do over memory too. */
export const inBrowsers = Object.fromEntries(
  ["backends", "groups", "recovery", "sharing", "trust"].map((suite) => [suite, suites[suite]]),
);
