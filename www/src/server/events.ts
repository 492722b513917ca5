import type { ServerEvent } from "./types";

/** Listens to what changes at the facility. The browser reconnects by itself, and the server says "hello" where something was missed; a connection that ends for good is `onEnd`. Of many
 *  tabs some are closed: a hidden one comes back when somebody looks at it. */
export function listen(onEvent: (event: ServerEvent) => void, onEnd: () => void): () => void {
  let source: EventSource | undefined;
  let isFirst = true;
  const close = () => {
    source?.close();
    source = undefined;
  };
  const open = () => {
    const opened = new EventSource("/api/events");
    source = opened;
    opened.onmessage = ({ data }: MessageEvent<string>) => {
      const event = parse(data);
      if (event?.type === "closed") {
        if (document.visibilityState === "hidden") close();
        return;
      }
      // who begins to listen has missed nothing: he fetches what there is
      if (event && !(isFirst && event.type === "hello")) onEvent(event);
      isFirst = false;
    };
    opened.onerror = () => {
      if (opened.readyState === EventSource.CLOSED) onEnd();
    };
  };
  const seen = () => {
    if (!source && document.visibilityState === "visible") open();
  };
  document.addEventListener("visibilitychange", seen);
  open();
  return () => {
    document.removeEventListener("visibilitychange", seen);
    close();
  };
}

function parse(data: string): ServerEvent | undefined {
  try {
    return JSON.parse(data) as ServerEvent;
  } catch {
    return undefined;
  }
}
