import { quoteLiteral } from '../../db/quote.ts';
import type { AppliedMigration, Migration } from '../../migration.ts';
import { shellWord } from '../../output/shell.ts';
import type { Finding } from '../../report.ts';
import type { RowColumns, Tracking } from '../format.ts';
import {
  namesIn,
  parseRows,
  pendingAmong,
  textIn,
  type ColumnTypes,
  type RowOf,
} from '../shared/rows.ts';
import { catalogName, ensureSchemaOf, quotedName, textOf } from '../shared/tracking-table.ts';

const prismaRow = {
  name: 'string',
  checksum: 'string',
  /** `null` when it did not finish. */
  finished_ms: 'number or null',
  logs: 'string or null',
  is_marked: 'boolean',
} as const satisfies ColumnTypes;
type PrismaRow = RowOf<typeof prismaRow>;

/**
 * Returns `_prisma_migrations` as the schema engine creates, reads and writes it (prisma-engines,
 * `sql_migration_persistence.rs`). A migration may have several rows: rolled back ones remain, but
 * are ignored. A row that is neither finished nor rolled back has failed.
 *
 * @param schema that of `?schema=` in Prisma's URL; the table name is fixed
 */
export function prismaTrackingIn(schema = 'public'): Tracking {
  const place = { schema, table: '_prisma_migrations' };
  const table = schema === 'public' ? 'public._prisma_migrations' : quotedName(place);
  return {
    table: textOf(place),
    tables: [catalogName(place)],
    create: `${ensureSchemaOf(place)}
    CREATE TABLE IF NOT EXISTS ${table} (
    id varchar(36) PRIMARY KEY NOT NULL,
    checksum varchar(64) NOT NULL,
    finished_at timestamptz,
    migration_name varchar(255) NOT NULL,
    logs text,
    rolled_back_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(),
    applied_steps_count integer NOT NULL DEFAULT 0)`,
    select: `SELECT migration_name AS name, checksum,
      1000 * extract(epoch FROM finished_at)::float8 AS finished_ms,
      CASE WHEN finished_at IS NULL THEN left(logs, 2000) END AS logs,
      finished_at IS NOT NULL AND applied_steps_count = 0 AND logs = '' AS is_marked
    FROM ${table} WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
    toApplied(rows, migrations) {
      const counting = rowsThatCount(parseRows(prismaRow, rows));
      const byName = new Map(migrations.map((migration) => [migration.name, migration]));
      return {
        applied: counting.map((row) => toApplied(row, byName.get(row.name))),
        findings: counting.flatMap((row) => findingOf(row) ?? []),
      };
    },
    record: ({ name, hash }) =>
      `INSERT INTO ${table} (id, checksum, started_at, finished_at, migration_name, applied_steps_count)
      VALUES (gen_random_uuid()::text, ${quoteLiteral(hash)}, now(), clock_timestamp(), ${quoteLiteral(name)}, 1)`,
    // As `migrate resolve --applied` writes it: no steps, and started_at = finished_at. All rows of a
    // transaction share now(), and Prisma orders by started_at.
    mark: ({ name, hash }, _, index) =>
      `INSERT INTO ${table} (id, checksum, logs, started_at, finished_at, migration_name, applied_steps_count)
      SELECT gen_random_uuid()::text, ${quoteLiteral(hash)}, '', found_at, found_at, ${quoteLiteral(name)}, 0
      FROM (SELECT now() + interval '${index} us' AS found_at) found`,
    erase: ({ name }) =>
      `UPDATE ${table} SET rolled_back_at = now() WHERE migration_name = ${quoteLiteral(name)} AND rolled_back_at IS NULL`,
    rows: {
      table,
      key: ['id'],
      knownBy: ['migration_name'],
      columnsOf: ({ name, hash }) => ({ migration_name: name, checksum: hash }),
      contentOf: (row, migration) => padded(textIn(row, 'checksum') ?? '', migration),
      stateOf,
      close: { sql: 'rolled_back_at = now()', columns: { rolled_back_at: 'now' } },
      fresh: { finished_at: 'now' },
      command: 'prisma migrate deploy',
      next(rows, migrations) {
        const open = rows.find((row) => stateOf(row) === 'failed');
        if (open) return { stops: `${textIn(open, 'migration_name')} has failed (P3009)` };
        const counting = rows.filter((row) => stateOf(row) === 'applied');
        return { runs: pendingAmong(migrations, namesIn(counting, 'migration_name')) };
      },
    },
  };
}

function stateOf(row: RowColumns): 'applied' | 'failed' | 'void' {
  if (textIn(row, 'rolled_back_at') !== null) return 'void';
  return textIn(row, 'finished_at') === null ? 'failed' : 'applied';
}

/** Returns one row per name: the last, unless an earlier one failed, at which Prisma stops. */
function rowsThatCount(rows: readonly PrismaRow[]): PrismaRow[] {
  const byName = new Map<string, PrismaRow>();
  for (const row of rows) if (byName.get(row.name)?.finished_ms !== null) byName.set(row.name, row);
  return [...byName.values()];
}

function toApplied(
  { name, checksum, finished_ms: finished }: PrismaRow,
  migration: Migration | undefined,
): AppliedMigration {
  return {
    name,
    hash: migration ? padded(checksum, migration) : checksum,
    appliedAt: finished === null ? null : new Date(finished),
    isFailed: finished === null,
  };
}

/** Early engines wrote each byte without its leading zero; current ones still accept such checksums. */
function padded(checksum: string, migration: Migration): string {
  if (checksum.length === 64) return checksum;
  const { hash, otherHashes = [] } = migration;
  const unpadded = (hex: string) => hex.replaceAll(/0(.)|(..)/g, '$1$2');
  return [hash, ...otherHashes].find((each) => unpadded(each) === checksum) ?? checksum;
}

function findingOf({ name, finished_ms: finished, logs, is_marked: isMarked }: PrismaRow) {
  if (finished === null) return failed(name, logs ?? '');
  return isMarked ? marked(name) : undefined;
}

function failed(name: string, logs: string): Finding {
  const [reason] = /ERROR: .*/.exec(logs) ?? /.+/.exec(logs) ?? ['no reason was recorded'];
  return {
    code: 'failed',
    severity: 'error',
    message: `${name} failed in prisma migrate: ${reason}. Earlier statements of the file may be applied.`,
    help: `Undo the applied statements, then: npx prisma migrate resolve --rolled-back ${shellWord(name)}; or run the remaining statements by hand, then: npx prisma migrate resolve --applied ${shellWord(name)}`,
    where: { object: name },
    key: `failed:${name}`,
  };
}

function marked(name: string): Finding {
  return {
    code: 'marked-applied',
    severity: 'info',
    message: `${name} was marked as applied with prisma migrate resolve; there is no record that it ran.`,
    help: 'Check whether its objects exist: dbops verify',
    where: { object: name },
    key: `marked-applied:${name}`,
  };
}
