const PATHS = {
  inbox: "M4 13.5 6.5 5h11L20 13.5V19H4zM4 13.5h4.5l1.2 2.5h4.6l1.2-2.5H20",
  send: "M20.5 3.5 10 14M20.5 3.5 14 20.5l-4-6.5-6.5-4z",
  plus: "M12 5v14M5 12h14",
  people:
    "M9 11a3.2 3.2 0 1 0 0-6.4A3.2 3.2 0 0 0 9 11ZM3.2 19c.4-3.2 2.7-5 5.8-5s5.4 1.8 5.8 5M15.5 4.9a3.2 3.2 0 0 1 0 5.9M17.3 14.4c2 .6 3.2 2.2 3.5 4.6",
  building: "M5 20.5V4.5h9v16M14 9.5h5v11M3 20.5h18M8 8h3M8 12h3M8 16h3M16.5 13h.01M16.5 16.5h.01",
  device: "M4 5h16v10.5H4zM9 19.5h6M12 15.5v4",
  mail: "M3.5 6h17v12.5h-17zM3.5 7l8.5 6.5L20.5 7",
  lock: "M6.5 11h11v9h-11zM9 11V8a3 3 0 0 1 6 0v3M12 14.5v2",
  shield: "M12 3.5 19 6v5.5c0 4.4-2.8 7.3-7 9-4.2-1.7-7-4.6-7-9V6zM9 12l2.2 2.2L15.2 10",
  file: "M7 3.5h7l4 4v13H7zM14 3.5v4h4",
  image: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 2.5-2.5 5 4M15.5 9.5h.01",
  layers: "M12 3.5 20.5 8 12 12.5 3.5 8zM3.5 12 12 16.5 20.5 12M3.5 16 12 20.5 20.5 16",
  check: "m5.5 12.5 4.2 4.2 8.8-9.4",
  cross: "m6.5 6.5 11 11M17.5 6.5l-11 11",
  alert: "M12 4.5 21 19.5H3zM12 10v4.2M12 16.8h.01",
  info: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM12 11v5M12 8h.01",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.3 15.3l5.2 5.2",
  back: "M19 12H5M11 6l-6 6 6 6",
  out: "M10 4.5H5v15h5M15 8l4 4-4 4M19 12H9.5",
  key: "M20.5 3.5l-9.2 9.2M15.3 8.7l3 3L21.5 8.5l-3-3M12.5 15.8a4.8 4.8 0 1 1-9.6 0 4.8 4.8 0 0 1 9.6 0Z",
  clip: "m19 11.5-7.4 7.4a4.6 4.6 0 0 1-6.5-6.5l8-8a3 3 0 0 1 4.3 4.3l-7.7 7.7a1.5 1.5 0 0 1-2.1-2.1L14.4 7.5",
  server: "M4 4.5h16v6H4zM4 13.5h16v6H4zM7.5 7.5h.01M7.5 16.5h.01",
  clock: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM12 7.5V12l3 2",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration only: what it means is said in words beside it. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Brand() {
  return (
    <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
      <path
        d="M16 3.5 27.5 7.6v8.2c0 6.4-4.4 10.6-11.5 13.2C8.9 26.4 4.5 22.2 4.5 15.8V7.6z"
        fill="none"
        stroke="currentColor"
        stroke-width="2.2"
        stroke-linejoin="round"
      />
      <path d="M16 10.2v10.4M10.8 15.4h10.4" stroke="currentColor" stroke-width="3" stroke-linecap="round" />
    </svg>
  );
}
