import { relative } from 'node:path';
import type { Migration } from '../migration.ts';
import type { DbopsError } from '../errors.ts';
import { removeMissingDowns } from '../formats/load-module.ts';
import type { Session } from '../db/session.ts';
import type { Finding } from '../report.ts';
import { describeDoubt } from '../rollback/describe.ts';
import { proveRollback, type Moment } from '../rollback/prove.ts';
import { isProven, type Rollback } from '../rollback/rollback.ts';
import { withReplayer, type Wanted } from '../shadow/replay-cache-key.ts';
import { isFaultOfFolder } from '../shadow/replay-error.ts';
import { replay, replayOne } from '../shadow/replay.ts';

/** Milliseconds; every down migration runs twice. */
const timeLimit = 600_000;

/** What was proven, and what was found. */
export interface ReplayResult {
  findings: Finding[];
  /** Migrations that were replayed. */
  replayed: number;
  /** Down migrations that were proven. */
  downs: number;
}

/**
 * Replays a folder in a shadow database, and proves each down migration: up, down and up again must give
 * the same schema. A migration that fails ends the replay.
 *
 * @throws DbopsError when no shadow database can be used
 */
export async function findingsOfReplay(
  wanted: Wanted,
  onMigration: (name: string) => void,
): Promise<ReplayResult> {
  await removeMissingDowns(wanted.format, wanted.migrations);
  const result: ReplayResult = { findings: [], replayed: 0, downs: 0 };
  for (let next = 0; next < wanted.migrations.length;)
    next = await withReplayer({ ...wanted, timeLimit }, (shadow) =>
      replayFrom(shadow, { wanted, start: next, onMigration, result }),
    );
  return result;
}

interface ReplayRun {
  wanted: Wanted;
  /** How many migrations are known to replay. */
  start: number;
  onMigration: (name: string) => void;
  result: ReplayResult;
}

/** @returns the number of migrations after which a new shadow continues */
async function replayFrom(
  shadow: Session,
  { wanted: { migrations, format }, start, onMigration, result }: ReplayRun,
): Promise<number> {
  await replay(shadow, migrations.slice(0, start), format);
  let last: Moment | undefined;
  for (const [at, migration] of migrations.entries()) {
    if (at < start) continue;
    onMigration(migration.name);
    try {
      const proof = migration.down && (await proveRollback(shadow, migration, format, last));
      if (!proof) await replayOne(shadow, migration, format);
      result.replayed++;
      last = proof?.last;
      if (proof && isProven(proof.rollback)) result.downs++;
      else if (proof) result.findings.push(unproven(migration, proof.rollback));
      // The rollback left the shadow in a state of its own.
      if (proof && !proof.isIntact) return at + 1;
    } catch (error) {
      if (!isFaultOfFolder(error)) throw error;
      result.findings.push(failed(migration, error));
      return migrations.length;
    }
  }
  return migrations.length;
}

function unproven({ name }: Migration, { doubts }: Rollback): Finding {
  return {
    code: 'unproven-down',
    severity: 'error',
    message: [
      `The down migration of ${name} is not proven:`,
      ...doubts.flatMap(describeDoubt),
    ].join('\n'),
    help: 'Correct it, or remove it: dbops generates a rollback from the schema where the folder has none.',
    where: { object: name },
    key: `unproven-down:${name}`,
  };
}

function failed({ name, up }: Migration, { message, reason, hint }: DbopsError): Finding {
  const start = `${relative(process.cwd(), up.file)}:`;
  const place = reason.find((line) => line.startsWith(start))?.slice(start.length);
  const line = /^\d+$/.test(place ?? '') ? Number(place) : undefined;
  return {
    code: 'replay-failed',
    severity: 'error',
    message: [message, ...reason].join('\n'),
    help: hint,
    where: { object: name, ...(line !== undefined && { line }) },
    key: `replay-failed:${name}`,
  };
}
