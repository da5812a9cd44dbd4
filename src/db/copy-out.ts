import type { Connection, Submittable } from 'pg';
import type { Session } from './session.ts';

/** Called with the bytes of one row, which are overwritten afterwards. */
type OnRow = (bytes: Buffer, start: number, end: number) => void;

export interface CopyOut {
  /** COPY … TO STDOUT, without parameters: the server takes none. */
  sql: string;
  onRow: OnRow;
  /** Called after each piece that the server sent; reading waits until it resolves. */
  onPiece?: () => Promise<void>;
}

/**
 * Runs COPY … TO STDOUT. The rows are taken from the socket, because the protocol parser of pg allocates an
 * object for each.
 *
 * @throws the error of the server, or what `onRow` and `onPiece` throw
 */
export function copyOut({ client }: Session, copy: CopyOut): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: unknown;
    const fail = (error: unknown) => void (failure ??= error);
    const query: Submittable & Record<string, unknown> = {
      submit(connection: Connection) {
        takeRows(connection.stream as unknown as RowSource, copy, fail);
        connection.query(copy.sql);
      },
      handleError: (error: Error) => {
        fail(error);
        reject(failure);
      },
      handleCommandComplete: () => {},
      handleReadyForQuery: () => (failure === undefined ? resolve() : reject(failure)),
      handleRowDescription: () => {},
      handleDataRow: () => {},
      handleCopyData: () => {},
      handlePortalSuspended: () => {},
      handleEmptyQuery: () => {},
    };
    client.query(query);
  });
}

type Listener = (bytes: Buffer) => void;

interface RowSource {
  listeners(event: 'data'): Listener[];
  on(event: 'data', listener: Listener): unknown;
  off(event: 'data', listener: Listener): unknown;
  pause(): unknown;
  resume(): unknown;
}

const letters = { copyData: 0x64, copyDone: 0x63, error: 0x45, copyOutResponse: 0x48 };

/** Messages after which there are no more rows. */
const last = new Set([letters.copyDone, letters.error]);

/** Length of the type and the length of a message (server manual, "Message Formats"). */
const head = 5;

/** Reads the rows; every other message goes to the listeners of pg, to whom the rest belongs after the last row. */
function takeRows(stream: RowSource, copy: CopyOut, fail: (error: unknown) => void): void {
  const parsers = stream.listeners('data');
  const pass = (bytes: Buffer) => {
    for (const parse of parsers) parse(bytes);
  };
  let rest: Buffer = Buffer.alloc(0);
  let isFailed = false;
  const attempt = (work: () => void) => {
    try {
      if (!isFailed) work();
    } catch (error) {
      isFailed = true; // the rows that still arrive are dropped
      fail(error);
    }
  };
  /** Returns whether there may be more rows. */
  const read = (bytes: Buffer): boolean => {
    let at = 0;
    while (at + head <= bytes.length) {
      const type = bytes[at] ?? 0;
      const next = at + 1 + bytes.readUInt32BE(at + 1);
      if (last.has(type)) {
        for (const parse of parsers) stream.on('data', parse);
        stream.off('data', listen);
        pass(bytes.subarray(at));
        return false;
      }
      if (next > bytes.length) break;
      const start = at + head;
      if (type === letters.copyData) attempt(() => copy.onRow(bytes, start, next));
      else if (type !== letters.copyOutResponse) pass(bytes.subarray(at, next));
      at = next;
    }
    rest = bytes.subarray(at);
    return true;
  };
  const listen: Listener = (bytes) => {
    const isOpen = read(rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes);
    if (!isOpen || !copy.onPiece || isFailed) return;
    stream.pause();
    copy
      .onPiece()
      .catch((error: unknown) => {
        isFailed = true;
        fail(error);
      })
      .finally(() => stream.resume());
  };
  for (const parse of parsers) stream.off('data', parse);
  stream.on('data', listen);
}
