// A worker that starts, and never answers.
addEventListener("message", ({ ports: [port] }) => port.postMessage({ ready: true }));
