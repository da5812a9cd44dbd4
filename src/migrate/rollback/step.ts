import type { Migration } from '../../migration.ts';
import type { Step } from '../step.ts';
import { settings } from './prove.ts';
import type { Rollback } from './rollback.ts';

/** The text of a derived rollback, as it runs: one transaction, in which every name is qualified. */
export function scriptOf({ statements }: Rollback): string {
  return [settings, ...statements.map(({ sql }) => sql)].map((sql) => `${sql};\n`).join('');
}

/** Takes a migration back by a rollback that was derived. */
export function derivedStep(migration: Migration, rollback: Rollback): Step {
  return {
    migration,
    direction: 'down',
    script: {
      kind: 'sql',
      file: `derived rollback of ${migration.name}`,
      sql: scriptOf(rollback),
    },
    directives: { noTransaction: false, requiresBackfill: [] },
  };
}
