const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  key: "M14.5 9.5a4.5 4.5 0 1 0-4.2 4.5L12 15.5h2V17.5h2V19.5h3V16.5l-4.8-4.8a4.5 4.5 0 0 0 .3-2.2ZM8.5 8.5h.01",
  lock: "M6.5 11h11v9h-11zM9 11V8a3 3 0 0 1 6 0v3M12 14.5v2",
  file: "M7 3.5h7l4 4v13H7zM14 3.5v4h4",
  check: "m5.5 12.5 4.2 4.2 8.8-9.4",
  alert: "M12 4.5 21 19.5H3zM12 10v4.2M12 16.8h.01",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration only: what it means is said in words beside it. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
