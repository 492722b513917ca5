const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  key: "M20.5 3.5l-9.2 9.2M15.3 8.7l3 3L21.5 8.5l-3-3M12.5 15.8a4.8 4.8 0 1 1-9.6 0 4.8 4.8 0 0 1 9.6 0Z",
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
