// The suite in a page of WebKit:  node --test tests/face/webkit.test.mjs
import { testFace } from "./engine.mjs";

await testFace("webkit");
