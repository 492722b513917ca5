// The suite in a page of Firefox:  node --test tests/face/firefox.test.mjs
import { testFace } from "./engine.mjs";

await testFace("firefox");
