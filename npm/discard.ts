// Memory that nobody needs any more, given back before the garbage collector comes by.

/** A port that takes what is transferred to it, and hands it to nobody. */
let nowhere: MessagePort | undefined;

/**
 * Detaches these buffers. For many of them, one after another: without it each is made of fresh memory, and the pages of that cost more than AES.
 * What is posted where nobody listens is transferred and dropped (HTML, "message port post message steps").
 */
export function discard(buffers: ArrayBuffer[]): void {
  try {
    nowhere ??= open();
    nowhere.postMessage(undefined, buffers);
  } catch {
    // Some runtimes transfer nothing: there it is left to the collector.
  }
}

function open(): MessagePort {
  const { port1: closed } = new MessageChannel();
  closed.close();
  const probe = new ArrayBuffer(1);
  closed.postMessage(undefined, [probe]);
  if (probe.byteLength === 0) return closed;
  // Chromium leaves what is posted to a port that was closed itself where it is: there the other end is closed, and this one never started, or it would hear
  // of that and close, too. In WebKit it would all go to another process.
  const { port1, port2 } = new MessageChannel();
  port2.close();
  return port1;
}
