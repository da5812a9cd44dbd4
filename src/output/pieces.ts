/** Bytes that are collected before they are written. */
const pieceSize = 256 * 1024;

/** Collects rows as bytes. No row is divided between two pieces: secrets are looked for in each piece. */
export class Pieces {
  bytes: Buffer = Buffer.allocUnsafe(pieceSize);
  /** The number of bytes that are written. */
  length = 0;
  #full: Buffer[] = [];

  /** Makes room for the next bytes, which remain together. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    this.#full.push(this.bytes.subarray(0, this.length));
    this.bytes = Buffer.allocUnsafe(Math.max(pieceSize, count));
    this.length = 0;
  }

  append(text: string): void {
    this.reserve(Buffer.byteLength(text));
    this.length += this.bytes.write(text, this.length);
  }

  /** Copies bytes for which there is room. A loop is faster than a call for the length of a usual value. */
  copy(from: Buffer, start: number, end: number): void {
    const { bytes } = this;
    let { length } = this;
    for (let at = start; at < end; at++) bytes[length++] = from[at] as number;
    this.length = length;
  }

  /** Returns what is complete, and with `all` the rest. */
  take(all = false): Buffer[] {
    const taken = this.#full;
    this.#full = [];
    if (!all || this.length === 0) return taken;
    taken.push(this.bytes.subarray(0, this.length));
    this.bytes = Buffer.allocUnsafe(pieceSize);
    this.length = 0;
    return taken;
  }
}
