/** Cuts one direction of a PostgreSQL connection into its messages (server manual, "Message Formats"). */
export class Frames {
  #rest = Buffer.alloc(0);
  #isFirst: boolean;

  /** @param hasStartup whether the first message is one of those without a type */
  constructor({ hasStartup }: { hasStartup: boolean }) {
    this.#isFirst = hasStartup;
  }

  /** The messages that these bytes complete, each whole. */
  push(chunk: Buffer): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: Buffer[] = [];
    for (;;) {
      const typed = this.#isFirst ? 0 : 1;
      if (this.#rest.length < typed + 4) return messages;
      const length = typed + this.#rest.readUInt32BE(typed);
      if (this.#rest.length < length) return messages;
      messages.push(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
      this.#isFirst = false;
    }
  }
}

/** The letter of a message, such as `Q`. */
export function typeOf(message: Buffer): string {
  return String.fromCharCode(message[0] ?? 0);
}

/** The SQL of a Query or Parse message. */
export function sqlOf(message: Buffer): string {
  const parts = message.subarray(5).toString().split('\0');
  return (typeOf(message) === 'P' ? parts[1] : parts[0]) ?? '';
}

/** A message of this type with this body. */
export function frame(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Text as the protocol ends it. */
export function text(...parts: string[]): Buffer {
  return Buffer.from(parts.map((part) => `${part}\0`).join(''));
}
