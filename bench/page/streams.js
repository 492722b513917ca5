// Where streams begin and end in the page.

/** As a file or a download gives them; four chunks. */
export const PIECE = 65_536;

/** The same piece again and again: as long as it says, and no memory. */
export function repeated(piece, length) {
  let given = 0;
  return new ReadableStream({
    pull(controller) {
      const some = piece.subarray(0, length - given);
      controller.enqueue(some);
      given += some.length;
      if (given === length) controller.close();
    },
  });
}

/** What stands in these buffers, piece by piece. */
export function held(buffers) {
  let buffer = 0;
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(buffers[buffer].subarray(at, at + PIECE));
      at += PIECE;
      if (at < buffers[buffer].length) return;
      at = 0;
      buffer += 1;
      if (buffer === buffers.length) controller.close();
    },
  });
}

/** Counts. */
export function counting() {
  const sink = { length: 0 };
  sink.stream = new WritableStream({
    write(piece) {
      sink.length += piece.length;
    },
  });
  return sink;
}

/** Keeps: in large buffers, since tens of thousands of small ones would slow the page down. */
export function keeping(size = 16 << 20) {
  const buffers = [];
  let used = size;
  const stream = new WritableStream({
    write(piece) {
      for (let at = 0; at < piece.length; ) {
        if (used === size) {
          buffers.push(new Uint8Array(size));
          used = 0;
        }
        const some = piece.subarray(at, at + size - used);
        buffers.at(-1).set(some, used);
        used += some.length;
        at += some.length;
      }
    },
    close() {
      buffers.push(buffers.pop().subarray(0, used));
    },
  });
  return { stream, buffers };
}
