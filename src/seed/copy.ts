import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from } from 'pg-copy-streams';
import { quoteIdentifier as q } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import type { SeedColumn, SeedTable } from './catalog.ts';
import type { ValueGenerator } from './distributions.ts';
import { sqlName } from './rows-sql.ts';

export interface Load {
  table: SeedTable;
  columns: readonly { column: SeedColumn; generate: ValueGenerator }[];
  overriding: boolean;
  /** The rows from `first` to before `end`, counted from 0. */
  first: number;
  end: number;
  /** Called with the number of rows that were sent. */
  onRows: (sent: number) => void;
  /** Ends the load between two pieces, or while the server does not read. */
  signal: AbortSignal;
}

/** Sends generated rows in the caller's transaction; at most some 100 kB are in memory. */
export async function sendRows(session: Session, load: Load): Promise<void> {
  if (session.server.kind === 'pglite') return insertBatches(session, load);
  const columns = load.columns.map(({ column }) => q(column.name)).join(', ');
  const stream = session.client.query(from(`COPY ${sqlName(load.table)} (${columns}) FROM STDIN`));
  const rows = Readable.from(chunksOf(load), { objectMode: true, highWaterMark: 2 });
  await pipeline(rows, stream, { signal: load.signal });
}

const chunkBytes = 65_536;

/** Lines of COPY's text format, in pieces. */
function* chunksOf({ columns, first, end, onRows }: Load): Generator<Buffer> {
  let text = '';
  for (let n = first; n < end; n++) {
    for (let at = 0; at < columns.length; at++)
      text += (at === 0 ? '' : '\t') + copyText(columns[at]?.generate(n) ?? null);
    text += '\n';
    if (text.length < chunkBytes) continue;
    yield Buffer.from(text);
    text = '';
    onRows(n + 1 - first);
  }
  if (text !== '') yield Buffer.from(text);
}

const special = /[\\\n\r\t]/;
const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function copyText(value: string | null): string {
  if (value === null) return '\\N';
  return special.test(value)
    ? value.replaceAll(/[\\\n\r\t]/g, (character) => escapes[character] ?? character)
    : value;
}

const batch = 2_000;

/** The embedded engine has no COPY FROM STDIN: its process answers one message at a time. */
async function insertBatches(
  session: Session,
  { table, columns, overriding, first, end, onRows, signal }: Load,
): Promise<void> {
  const names = columns.map(({ column }) => q(column.name)).join(', ');
  const values = columns.map(({ column }, at) => `(v ->> ${at})::${column.type}`).join(', ');
  const sql = `INSERT INTO ${sqlName(table)} (${names})${overriding ? ' OVERRIDING SYSTEM VALUE' : ''}
    SELECT ${values} FROM pg_catalog.jsonb_array_elements($1::pg_catalog.jsonb) AS v`;
  for (let n = first; n < end; n += batch) {
    const rows = Array.from({ length: Math.min(batch, end - n) }, (_, index) =>
      columns.map(({ generate }) => generate(n + index)),
    );
    signal.throwIfAborted();
    await session.query(sql, [JSON.stringify(rows)]);
    onRows(n + rows.length - first);
  }
}
