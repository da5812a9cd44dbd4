/**
 * Splits the bytes that a client sends into batches that the engine can answer as a whole. It reads
 * its input to the end, so a message must be complete, and a Parse must come with its Sync.
 */
export class WireFrames {
  #bytes: Buffer = Buffer.alloc(0);
  #isStarted = false;

  add(bytes: Buffer): void {
    this.#bytes = this.#bytes.length > 0 ? Buffer.concat([this.#bytes, bytes]) : bytes;
  }

  /** Returns the bytes up to the last message that can be answered, and `undefined` without one. */
  take(): Buffer | undefined {
    const end = this.#isStarted ? lastAnswerable(this.#bytes) : startupEnd(this.#bytes);
    if (end === 0) return undefined;
    this.#isStarted = true;
    const batch = this.#bytes.subarray(0, end);
    this.#bytes = this.#bytes.subarray(end);
    return batch;
  }
}

/** Messages of the extended protocol that the server answers only after a later Flush or Sync. */
const unanswered = new Set([...'PBDEC'].map((letter) => letter.charCodeAt(0)));

const terminate = 'X'.charCodeAt(0);

/** Terminate ends the session whatever follows, and is taken alone. */
function lastAnswerable(bytes: Buffer): number {
  let end = 0;
  for (let at = 0; at + 5 <= bytes.length;) {
    const type = bytes[at] ?? 0;
    const next = at + 1 + bytes.readUInt32BE(at + 1);
    if (next > bytes.length) break;
    if (type === terminate) return end > 0 ? end : next;
    if (!unanswered.has(type)) end = next;
    at = next;
  }
  return end;
}

/** The first message has no type. */
function startupEnd(bytes: Buffer): number {
  const length = bytes.length >= 4 ? bytes.readUInt32BE(0) : Infinity;
  return length <= bytes.length ? length : 0;
}

export function isTerminate(batch: Uint8Array): boolean {
  return batch[0] === terminate;
}
