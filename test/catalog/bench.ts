import { readPinned } from '../../src/catalog/compare.ts';
import { diff } from '../../src/catalog/diff.ts';
import { expectedFacts, judge } from '../../src/catalog/expected.ts';
import { snapshot } from '../../src/catalog/snapshot.ts';
import { checkGroups } from '../../src/checks/check.ts';
import { checks } from '../../src/checks/index.ts';
import { runChecks } from '../../src/checks/run.ts';
import { openSession } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { readFolder } from '../../src/formats/index.ts';
import type { Finding } from '../../src/report.ts';
import { splitStatements } from '../../src/sql/statements.ts';
import { createDatabase, type Target } from '../db/targets.ts';
import { trialOf } from './trial.ts';

/** A migrated database and its shadow, both kept open: for many findings in a short time. */
export interface Bench {
  /** Runs statements, each in a message of its own. */
  run(sql: string): Promise<void>;
  /** What `verify` finds. */
  findings(): Promise<Finding[]>;
  /** Names of the migrations. */
  applied: ReadonlySet<string>;
  close(): Promise<void>;
}

const options = { application: 'dbops test' };

/** Applies the migrations of a folder to a new database. */
export async function openBench(target: Target, folder: string): Promise<Bench> {
  const { url, drop } = await createDatabase(target);
  await trialOf(url, folder).migrateUp();
  const { migrations, format } = readFolder({ migrations: folder, root: folder });
  const applied = new Set(migrations.map(({ name }) => name));
  const live = await openSession(parseTarget(url), options);
  const shadow = await openSession({ kind: 'pglite', directory: null }, options);
  const facts = await expectedFacts(shadow, migrations, format);
  return {
    applied,
    async run(sql) {
      for (const statement of await splitStatements(sql)) await live.script(statement.sql);
    },
    findings: () =>
      readPinned(live, async () => {
        const deltas = await diff(facts, await snapshot(live), (pairs) => judge(shadow, pairs));
        return runChecks(checks, { session: live, deltas, applied }, new Set(checkGroups));
      }),
    async close() {
      await Promise.all([live.close(), shadow.close()]);
      await drop();
    },
  };
}
