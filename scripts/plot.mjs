// Plots as SVG, for light and dark pages: bars(), and lines() over sizes that double. Colours follow the reader's scheme; every picture says in words what it
// shows, and no value is told by colour alone.

const FONT = "ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif";
const STYLE = `
  svg { font: 12px ${FONT} }
  .back { fill: #ffffff } .text { fill: #1f2328 } .soft { fill: #59636e } .grid { stroke: #d1d9e0 } .axis { stroke: #818b98 }
  .c0 { fill: #0b62c4 } .c1 { fill: #d1741a } .l0 { stroke: #0b62c4 } .l1 { stroke: #b85c0a } .own { font-weight: 600 }
  .mark { fill: none; stroke: #1f2328 }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117 } .text { fill: #f0f6fc } .soft { fill: #9198a1 } .grid { stroke: #2f363d } .axis { stroke: #656c76 }
    .c0 { fill: #4c9bf5 } .c1 { fill: #f0a04b } .l0 { stroke: #4c9bf5 } .l1 { stroke: #f0a04b } .mark { stroke: #f0f6fc }
  }`;

const escaped = (text) =>
  String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const n = (value) => Number(value.toFixed(1));
const text = (x, y, content, attributes = "") =>
  `<text x="${n(x)}" y="${n(y)}" ${attributes}>${escaped(content)}</text>`;
const line = (x1, y1, x2, y2, name) =>
  `<line class="${name}" x1="${n(x1)}" y1="${n(y1)}" x2="${n(x2)}" y2="${n(y2)}"/>`;
const rect = (x, y, width, height, name) =>
  `<rect class="${name}" x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="2"/>`;

function picture({ id, title, description, width, height }, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${escaped(title)}</title>
<desc id="${id}-desc">${escaped(description)}</desc>
<style>${STYLE}
</style>
${rect(0, 0, width, height, "back")}
${text(16, 26, title, 'class="text" font-size="15" font-weight="600"')}
${parts.flat(2).join("\n")}
</svg>
`;
}

/** A round step, so that at most `most` of them reach `top`. */
function stepTo(top, most) {
  const raw = top / most;
  const unit = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * unit).find((step) => step >= raw);
}

const ticks = (top, step) => Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
const count = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });

/** What the colours stand for. */
const legend = (series, x, y) =>
  series.map((name, i) => [
    rect(x + 100 * i, y - 10, 12, 12, `c${i}`),
    text(x + 100 * i + 18, y, name, 'class="text"'),
  ]);

/**
 * Bars from the left, longer is better, a row for each of `rows`: `{ label, values, own? }` with a value of each of the two `series`, or null.
 * @returns {string} SVG
 */
export function bars({ id, title, axis, series, rows }) {
  const [width, left, right, top, row, bar] = [760, 190, 70, 62, 42, 15];
  const bottom = top + rows.length * row;
  const most = Math.max(...rows.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const step = stepTo(most, 6);
  const scale = (width - left - right) / most;
  const grid = ticks(most, step).map((value) => [
    line(left + value * scale, top, left + value * scale, bottom, "grid"),
    text(left + value * scale, bottom + 18, count(value), 'class="soft" text-anchor="middle"'),
  ]);
  const drawn = rows.map(({ label, values, own }, i) => {
    const y = top + i * row + 5;
    return [
      text(left - 10, y + bar + 5, label, `class="text${own ? " own" : ""}" text-anchor="end"`),
      values.map((value, k) =>
        value === null
          ? text(left + 6, y + k * (bar + 2) + 12, "not measured", 'class="soft"')
          : [
              rect(left, y + k * (bar + 2), value * scale, bar, `c${k}`),
              text(left + value * scale + 6, y + k * (bar + 2) + 12, count(value), 'class="text"'),
            ],
      ),
    ];
  });
  const description = rows
    .map(
      ({ label, values }) =>
        `${label}: ${values.map((v, k) => `${series[k]} ${v === null ? "–" : count(v)}`).join(", ")}`,
    )
    .join("; ");
  return picture({ id, title, description: `${axis}. ${description}.`, width, height: bottom + 48 }, [
    legend(series, left, 50),
    grid,
    line(left, top, left, bottom, "axis"),
    drawn,
    text((left + width - right) / 2, bottom + 38, axis, 'class="soft" text-anchor="middle"'),
  ]);
}

/**
 * Two lines over sizes in each of `panels`: `{ label, lines: [{ name, values }, …], rings }`, where a ring goes around one point of each size.
 * The first line is drawn through, the second dashed.
 * @returns {string} SVG
 */
export function lines({ id, title, xAxis, yAxis, sizes, panels, ring }) {
  const [width, height, top, low, left, gap] = [900, 392, 86, 332, 64, 64];
  const each = (width - left - 24 - gap * (panels.length - 1)) / panels.length;
  const most = Math.max(...panels.flatMap(({ lines }) => lines.flatMap(({ values }) => values)));
  const step = stepTo(most, 6);
  const highest = step * Math.ceil(most / step);
  const y = (value) => low - (value / highest) * (low - top);
  const [names] = panels.map(({ lines }) => lines.map(({ name }) => name));
  const key = names.map((name, i) => [
    `<line class="l${i}" x1="${left + 176 * i}" y1="46" x2="${left + 176 * i + 28}" y2="46" stroke-width="2.5"${dash(i)}/>`,
    text(left + 176 * i + 36, 50, name, 'class="text"'),
  ]);
  const ringKey = [
    `<circle class="mark" cx="${left + 176 * names.length + 6}" cy="46" r="5"/>`,
    text(left + 176 * names.length + 18, 50, ring, 'class="text"'),
  ];
  const drawn = panels.map(({ label, lines: all, rings }, panel) => {
    const from = left + panel * (each + gap);
    const x = (i) => from + (i / (sizes.length - 1)) * each;
    return [
      text(from, top - 12, label, 'class="text" font-weight="600"'),
      ticks(highest, step).map((value) => [
        line(from, y(value), from + each, y(value), "grid"),
        text(from - 8, y(value) + 4, count(value), 'class="soft" text-anchor="end"'),
      ]),
      sizes.map((size, i) => text(x(i), low + 18, size, 'class="soft" text-anchor="middle" font-size="11"')),
      all.map(({ values }, i) => {
        const points = values.map((value, k) => `${n(x(k))},${n(y(value))}`).join(" ");
        return [
          `<polyline class="l${i}" points="${points}" fill="none" stroke-width="2.5" stroke-linejoin="round"${dash(i)}/>`,
          values.map((value, k) => `<circle class="c${i}" cx="${n(x(k))}" cy="${n(y(value))}" r="3"/>`),
        ];
      }),
      rings.map((value, k) => `<circle class="mark" cx="${n(x(k))}" cy="${n(y(value))}" r="6"/>`),
      text(from + each / 2, low + 40, xAxis, 'class="soft" text-anchor="middle"'),
    ];
  });
  const description = panels
    .flatMap(({ label, lines }) =>
      lines.map(
        ({ name, values }) => `${label}, ${name}: ${values.map((v, k) => `${sizes[k]} ${count(v)}`).join(", ")}`,
      ),
    )
    .join("; ");
  return picture({ id, title, description: `${yAxis} by ${xAxis}. ${description}.`, width, height }, [
    key,
    ringKey,
    drawn,
    `<text class="soft" text-anchor="middle" transform="translate(18 ${(top + low) / 2}) rotate(-90)">${escaped(yAxis)}</text>`,
  ]);
}

const dash = (i) => (i === 0 ? "" : ' stroke-dasharray="6 4"');
