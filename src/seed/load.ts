import type { Session } from '../db/session.ts';
import { interrupted, usageError } from '../errors.ts';
import { failed } from './failed.ts';
import { addTo } from './plan.ts';
import { readRecord, writeRecord } from './record.ts';
import { retrying, type SeedingRun } from './retrying.ts';
import { sqlName } from './rows-sql.ts';
import type { BoundScale } from './scale.ts';
import { openingOf, stateOf, type SeedOutcome, type SetResult } from './transaction.ts';

/** Loads the sets of generated rows, each in a transaction of its own. */
export async function loadAll(run: SeedingRun, outcome: SeedOutcome): Promise<SetResult[]> {
  const results: SetResult[] = [];
  for (const set of outcome.scales) {
    const missing = set.rows - (await loadedRows(run.session, set, outcome.loaded));
    const rows =
      run.options.write && missing > 0
        ? await retrying(run, () => loadOne(run, set, outcome))
        : missing;
    addTo(outcome.counts.created, set.label, Math.max(rows, 0));
    outcome.counts.unchanged[set.label] =
      (outcome.counts.unchanged[set.label] ?? 0) + Math.max(set.rows - Math.max(rows, 0), 0);
    results.push({ name: set.name, state: stateOf(rows > 0, run.options.write) });
  }
  return results;
}

/** Returns how many rows of a set an earlier run loaded; rows of a table that was emptied do not count. */
async function loadedRows(
  session: Session,
  { name, table }: BoundScale,
  record: ReadonlyMap<string, number>,
): Promise<number> {
  const rows = record.get(name) ?? 0;
  if (rows === 0) return 0;
  return (await session.query(`SELECT FROM ${sqlName(table)} LIMIT 1`)).length > 0 ? rows : 0;
}

/** Loads what is missing of a set; another seed may have loaded it meanwhile. */
async function loadOne(run: SeedingRun, set: BoundScale, outcome: SeedOutcome): Promise<number> {
  const { context, session, options } = run;
  const stop = () =>
    interrupted(
      `Interrupted; no row of ${set.name} was loaded by this run.`,
      `To load the sets that are missing: dbops seed${options.scale === undefined ? '' : ` --scale ${options.scale}`}`,
    );
  if (options.signal.aborted) throw stop();
  try {
    await session.script(openingOf({ ...options, isReadOnly: false }).join('; '));
    const [row] = await session.query<{ exists: boolean }>(
      `SELECT to_regclass('dbops.seeds') IS NOT NULL AS exists`,
    );
    const record = await readRecord(session, row?.exists === true);
    const loaded = await loadedRows(session, set, record);
    if (loaded >= set.rows) {
      await session.script('ROLLBACK');
      return 0;
    }
    const progress = (line: string) => context.progress.update(line);
    const { known, tables } = outcome;
    const { now, signal } = options;
    const { loadScale } = await import('./generate.ts');
    const rows = await loadScale(session, set, { now, signal, known, tables, loaded, progress });
    if (!(await writeRecord(session, new Map([[set.name, set.rows]])))) throw notRecorded(set.name);
    await session.script('COMMIT');
    return rows;
  } catch (error) {
    await session.script('ROLLBACK').catch(() => {});
    if (options.signal.aborted) throw stop();
    throw failed({ set: { name: set.name, label: set.label } }, error);
  }
}

function notRecorded(name: string) {
  return usageError(
    'SEED.NOT_RECORDED',
    `This role cannot record that ${name} was loaded; nothing was loaded.`,
    'Have the owner of the database run: CREATE SCHEMA dbops; GRANT CREATE, USAGE ON SCHEMA dbops TO …',
  );
}
