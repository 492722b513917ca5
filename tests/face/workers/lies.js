// A worker that starts, and answers each job with nothing.
addEventListener("message", ({ ports: [port] }) => {
  port.onmessage = ({ data: { id } }) => port.postMessage({ id, ok: new Uint8Array(2) });
  port.postMessage({ ready: true });
});
