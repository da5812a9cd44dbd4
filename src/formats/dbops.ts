import { hash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { ensureOwnSchema } from '../db/own-schema.ts';
import { quoteLiteral } from '../db/quote.ts';
import type { Migration, Script } from '../migration.ts';
import type { Format } from './format.ts';

/** `0001_name.up.sql`, or `0001_name.ts` with Kysely's `up(db)` and `down(db)`. */
const upFile = /^(?<name>\d+_.+?)(?:\.up\.sql|(?<!\.d)\.(?:m?ts|m?js))$/;

/**
 * dbops' own format: `NNNN_name.up.sql` with `NNNN_name.down.sql`, and Kysely modules, ordered by
 * number. Tracked in `dbops.migrations` by name and hash.
 */
export const dbops: Format = {
  name: 'dbops',
  matches: (files) =>
    files.some((file) => /^\d+_.+\.up\.sql$/.test(file) || /^\d+_.+(?<!\.d)\.m?[tj]s$/.test(file)),
  read(directory) {
    const files = readdirSync(directory);
    const present = new Set(files);
    return files
      .filter((file) => upFile.test(file))
      .toSorted((a, b) => numberOf(a) - numberOf(b) || (a < b ? -1 : 1))
      .map((file) => readMigration(directory, file, present));
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
    select: 'SELECT name, hash, applied_at FROM dbops.migrations ORDER BY applied_at, name',
    record: ({ name, hash: recorded }) =>
      `INSERT INTO dbops.migrations (name, hash) VALUES (${quoteLiteral(name)}, ${quoteLiteral(recorded)})`,
    erase: ({ name }) => `DELETE FROM dbops.migrations WHERE name = ${quoteLiteral(name)}`,
  },
};

function numberOf(file: string): number {
  return Number.parseInt(file, 10);
}

function readMigration(directory: string, file: string, present: ReadonlySet<string>): Migration {
  const path = `${directory}/${file}`; // path.join costs as much as reading the file
  const name = upFile.exec(file)?.groups?.['name'] ?? file;
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
