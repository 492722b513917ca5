import type { ServerEvent } from "./types";

/** Listens to what changes at the facility. The browser reconnects by itself, and the server says "hello" where something was missed; a connection that ends for good is `onEnd`. */
export function listen(onEvent: (event: ServerEvent) => void, onEnd: () => void): () => void {
  const source = new EventSource("/api/events");
  let isFirst = true;
  source.onmessage = ({ data }: MessageEvent<string>) => {
    const event = parse(data);
    // who begins to listen has missed nothing: he fetches what there is
    if (event && !(isFirst && event.type === "hello")) onEvent(event);
    isFirst = false;
  };
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) onEnd();
  };
  return () => source.close();
}

function parse(data: string): ServerEvent | undefined {
  try {
    return JSON.parse(data) as ServerEvent;
  } catch {
    return undefined;
  }
}
