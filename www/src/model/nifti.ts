import type { Octets } from "./bytes";

// NIfTI-1, the volume format of neuroimaging, uncompressed: a header of 348 bytes, then the voxels, x fastest, one slice after the other.

export const HEADER_BYTES = 352;

const TYPES: Readonly<
  Record<number, { bytes: number; read: (view: DataView, at: number, little: boolean) => number }>
> = {
  2: { bytes: 1, read: (view, at) => view.getUint8(at) },
  4: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  8: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  16: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  512: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
};

export interface Volume {
  readonly width: number;
  readonly height: number;
  readonly slices: number;
  /** Millimetres of a voxel, x, y and z. */
  readonly spacing: readonly [number, number, number];
  readonly description: string;
  readonly sliceBytes: number;
  readonly start: number;
  readonly type: number;
  readonly little: boolean;
}

/** The header, if this is such a volume and the file holds all of it. */
export function readVolume(bytes: Octets, fileSize: number): Volume | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = new TextDecoder("latin1").decode(bytes.subarray(344, 348));
  const little = view.getInt32(0, true) === 348;
  if (!(little || view.getInt32(0, false) === 348) || magic !== "n+1\0") return undefined;
  const [width, height, slices] = [1, 2, 3].map((at) => view.getInt16(40 + 2 * at, little)) as [number, number, number];
  const type = view.getInt16(70, little);
  const kind = TYPES[type];
  const start = view.getFloat32(108, little);
  if (!kind || width < 1 || height < 1 || slices < 1 || !Number.isSafeInteger(start) || start < HEADER_BYTES)
    return undefined;
  const sliceBytes = width * height * kind.bytes;
  if (start + sliceBytes * slices > fileSize) return undefined;
  const spacing = [1, 2, 3].map((at) => view.getFloat32(76 + 4 * at, little)) as [number, number, number];
  const description = new TextDecoder("latin1").decode(bytes.subarray(148, 228)).replace(/\0.*$/s, "");
  return { width, height, slices, spacing, description, sliceBytes, start, type, little };
}

export function sliceRange({ start, sliceBytes }: Volume, slice: number): [number, number] {
  return [start + slice * sliceBytes, start + (slice + 1) * sliceBytes];
}

/** A slice in greys, darkest to brightest of what it holds; its first row is the lowest. */
export function toImage(volume: Volume, bytes: Octets): ImageData {
  const { width, height, type, little } = volume;
  const kind = TYPES[type];
  const image = new ImageData(width, height);
  if (!kind) return image;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = new Float32Array(width * height);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = 0; at < values.length; at++) {
    const value = kind.read(view, at * kind.bytes, little);
    values[at] = value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const scale = high > low ? 255 / (high - low) : 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const grey = ((values[(height - 1 - y) * width + x] ?? 0) - low) * scale;
      const at = 4 * (y * width + x);
      image.data.fill(grey, at, at + 3);
      image.data[at + 3] = 255;
    }
  }
  return image;
}
