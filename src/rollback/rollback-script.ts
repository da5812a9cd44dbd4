import { readAllRows } from '../db/row-security.ts';
import type { Migration } from '../migration.ts';
import type { Step } from '../runner/step.ts';
import { settings } from './prove.ts';
import type { Rollback } from './rollback.ts';

/**
 * Returns the SQL of a derived rollback. Every name is schema-qualified; it runs in one transaction.
 * What it sets a sequence to is read from all rows of a column.
 */
export function scriptOf({ statements }: Pick<Rollback, 'statements'>): string {
  return [settings, readAllRows, ...statements.map(({ sql }) => sql)]
    .map((sql) => `${sql};\n`)
    .join('');
}

/** Returns the SQL that must run after rows are restored (constraints, NOT NULL), if any. */
export function rulesOf({ statements }: Rollback): string | undefined {
  const rules = statements.filter(({ phase }) => phase === 'rules');
  return rules.length > 0 ? scriptOf({ statements: rules }) : undefined;
}

/** Returns the rollback without what servers of this major version lack. */
export function forServerVersion(rollback: Rollback, major: number): Rollback {
  if (major >= 17) return rollback;
  // The privilege MAINTAIN is new in PostgreSQL 17, where GRANT ALL includes it.
  const statements = rollback.statements.map((statement) =>
    /^(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) /.test(statement.sql)
      ? { ...statement, sql: statement.sql.replace(/\bMAINTAIN, |, MAINTAIN\b/, '') }
      : statement,
  );
  return { ...rollback, statements };
}

/** Returns the step that runs a derived rollback, without the part of `rulesOf`. */
export function derivedStep(migration: Migration, rollback: Rollback): Step {
  return {
    migration,
    direction: 'down',
    isGenerated: true,
    script: {
      kind: 'sql',
      file: `generated rollback of ${migration.name}`,
      sql: scriptOf({
        statements: rollback.statements.filter(({ phase }) => phase === 'structure'),
      }),
    },
    directives: { noTransaction: false, requiresBackfill: [] },
  };
}
