// Without a bundler: a worker has no import map, so the package goes by its path.
import * as wardkey from "./node_modules/wardkey/index.js";
import * as testing from "./node_modules/wardkey/testing.js";
import { scenario } from "./scenario.mjs";

scenario(wardkey, testing).then(
  (done) => postMessage({ done: { ...done, inside: self.constructor.name } }),
  (error) => postMessage({ error: `${error}\n${error?.stack}` }),
);
