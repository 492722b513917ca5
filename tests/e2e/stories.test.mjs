// The demo's stories with real servers, in each engine: two browsers, as two clinicians sit at them.
import { describe, test } from "node:test";
import { present } from "../../scripts/browsers.mjs";
import { browserOf, play } from "./play.mjs";
import { breaks } from "./stories/breaks.mjs";
import { connection } from "./stories/connection.mjs";
import { files } from "./stories/files.mjs";
import { keys } from "./stories/keys.mjs";
import { network } from "./stories/network.mjs";
import { people } from "./stories/people.mjs";
import { resume } from "./stories/resume.mjs";
import { returning } from "./stories/returning.mjs";
import { transfers } from "./stories/transfers.mjs";
import { trust } from "./stories/trust.mjs";

const STORIES = { ...transfers, ...files, ...people, ...keys, ...breaks, ...network };
/** What lying servers, broken lines and many tabs do is the same in every engine: seen once. */
const ONCE = { ...trust, ...returning, ...resume, ...connection };

const [first, ...others] = present();

// Two engines at a time: much of it is waiting. What takes longest comes first.
describe("stories", { concurrency: 2 }, () => {
  for (const engine of [first, ...others.toReversed()]) {
    const stories = engine === first ? { ...STORIES, ...ONCE } : STORIES;
    test(`the demo in ${browserOf(engine)}`, (t) => play(t, engine, ["ward", "clinic"], stories, { transfers: 12 }));
  }
});
