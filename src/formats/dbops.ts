import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ensureOwnSchema } from '../db/own-schema.ts';
import { quoteLiteral } from '../db/quote.ts';
import type { Migration, Script } from '../migration.ts';
import type { Format } from './format.ts';

/** `0001_name.up.sql`, or `0001_name.ts` with Kysely's `up(db)` and `down(db)`. */
const endings = ['.up.sql', '.ts', '.mts', '.js', '.mjs'];

/** `0001_name` of a migration's file; nothing for any other file. */
function nameOf(file: string): string | undefined {
  const ending = endings.find((each) => file.endsWith(each));
  if (!ending || /\.d\.m?[tj]s$/.test(file)) return undefined;
  const name = file.slice(0, -ending.length);
  return /^\d+_./.test(name) ? name : undefined;
}

/**
 * dbops' own format: `NNNN_name.up.sql` with `NNNN_name.down.sql`, and Kysely modules, ordered by
 * number. Tracked in `dbops.migrations` by name and hash.
 */
export const dbops: Format = {
  name: 'dbops',
  matches: (files) => files.some((file) => nameOf(file) !== undefined),
  read(directory, files) {
    const present = new Set(files);
    return files
      .toSorted()
      .map((file) => ({ file, name: nameOf(file), number: Number.parseInt(file, 10) }))
      .toSorted((a, b) => a.number - b.number)
      .flatMap(({ file, name }) => (name ? readMigration(directory, { file, name }, present) : []));
  },
  tracking: {
    table: 'dbops.migrations',
    create: `${ensureOwnSchema}
      CREATE TABLE IF NOT EXISTS dbops.migrations (
        name text CONSTRAINT migrations_pkey PRIMARY KEY,
        hash text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        applied_by text NOT NULL DEFAULT current_user,
        duration_ms integer NOT NULL DEFAULT 1000 * extract(epoch FROM clock_timestamp() - now()))`,
    select: `SELECT name, hash, 1000 * extract(epoch FROM applied_at)::float8 AS applied_ms
      FROM dbops.migrations ORDER BY applied_at, name`,
    record: ({ name, hash: recorded }) =>
      `INSERT INTO dbops.migrations (name, hash) VALUES (${quoteLiteral(name)}, ${quoteLiteral(recorded)})`,
    erase: ({ name }) => `DELETE FROM dbops.migrations WHERE name = ${quoteLiteral(name)}`,
  },
};

function readMigration(
  directory: string,
  { file, name }: { file: string; name: string },
  present: ReadonlySet<string>,
): Migration {
  const path = `${directory}/${file}`; // path.join costs as much as reading the file
  const source = readFileSync(path, 'utf8');
  const migration = { name, hash: hashOf(source) };
  if (!file.endsWith('.sql')) {
    const script: Script = { kind: 'module', file: path };
    return { ...migration, up: script, down: script };
  }
  const up: Script = { kind: 'sql', file: path, sql: source };
  const downFile = `${name}.down.sql`;
  if (!present.has(downFile)) return { ...migration, up };
  return { ...migration, up, down: lazyScript(`${directory}/${downFile}`) };
}

/** A file that most commands never read. */
function lazyScript(file: string): Script {
  return {
    kind: 'sql',
    file,
    get sql() {
      return readFileSync(file, 'utf8');
    },
  };
}

/** SHA-256, in hex, of the text without its BOM and with LF line endings: a checkout on Windows is no edit. */
export function hashOf(source: string): string {
  const text = source.startsWith('\uFEFF') ? source.slice(1) : source;
  return hash('sha256', text.includes('\r') ? text.replaceAll('\r\n', '\n') : text);
}
