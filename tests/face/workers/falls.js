// A worker that starts, and falls over its first job.
addEventListener("message", ({ ports: [port] }) => {
  port.onmessage = () => {
    throw new Error("it falls");
  };
  port.postMessage({ ready: true });
});
