/** What of lzma1 undoes its packing, bundled by scripts/build.mjs. */
export class Decoder {
  readonly outSize: bigint;
  readonly nowPos64: bigint;
  initDecompression(input: InputBuffer, output: OutputBuffer): void;
  /** Undoes one step; 0 unless there is none to undo. */
  codeOneChunk(): number;
  flush(): void;
}
export class InputBuffer {
  constructor(bytes: Uint8Array);
}
export class OutputBuffer {
  constructor(capacity: number);
  toArray(): Uint8Array<ArrayBuffer>;
}
