// A PDF of one page of text: what a discharge letter looks like, written here so that every byte of it is known.

const LINE = 15;
const MARGIN = 56;
const [WIDTH, HEIGHT] = [595, 842];

/** Text as a PDF string in WinAnsiEncoding, which for these letters is Latin-1. */
const literal = (text) => `(${text.replaceAll("–", "-").replace(/[\\()]/g, "\\$&")})`;

/**
 * A page with a title and lines below it; a line longer than the page is wide isn't broken.
 * @param {string} title
 * @param {readonly string[]} lines
 * @returns {Uint8Array}
 */
export function pdf(title, lines) {
  const content = [
    "BT",
    `/F2 16 Tf ${MARGIN} ${HEIGHT - MARGIN - 16} Td ${literal(title)} Tj`,
    `/F1 11 Tf ${LINE} TL 0 -${2 * LINE} Td`,
    ...lines.map((line) => `${literal(line)} Tj T*`),
    "ET",
  ].join("\n");
  const font = (name) => `<< /Type /Font /Subtype /Type1 /BaseFont /${name} /Encoding /WinAnsiEncoding >>`;
  const resources = "<< /Font << /F1 4 0 R /F2 5 0 R >> >>";
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${WIDTH} ${HEIGHT}] /Resources ${resources} /Contents 6 0 R >>`,
    font("Helvetica"),
    font("Helvetica-Bold"),
    `<< /Length ${Buffer.byteLength(content, "latin1")} >>\nstream\n${content}\nendstream`,
    `<< /Title ${literal(title)} >>`,
  ];
  let text = "%PDF-1.4\n";
  const offsets = objects.map((object, place) => {
    const offset = Buffer.byteLength(text, "latin1");
    text += `${place + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const start = Buffer.byteLength(text, "latin1");
  const entries = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${entries}`;
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info ${objects.length} 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  return new Uint8Array(Buffer.from(text, "latin1"));
}
