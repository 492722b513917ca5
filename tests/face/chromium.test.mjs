// The suite in a page of Chromium:  node --test tests/face/chromium.test.mjs
import { testFace } from "./engine.mjs";

await testFace("chromium");
