import { report } from "./scenario.mjs";

report(
  new Promise((resolve, reject) => {
    const worker = new Worker("worker.js", { type: "module" });
    worker.onmessage = ({ data: { done, error } }) => (error ? reject(new Error(error)) : resolve(done));
    worker.onerror = (event) => reject(new Error(`the worker: ${event.message}`));
  }),
);
