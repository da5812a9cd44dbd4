import type { Migration } from '../migration.ts';
import type { Step } from '../runner/step.ts';
import { settings } from './prove.ts';
import type { Rollback } from './rollback.ts';

/** The text of a derived rollback, as it runs: one transaction, in which every name is qualified. */
export function scriptOf({ statements }: Pick<Rollback, 'statements'>): string {
  return [settings, ...statements.map(({ sql }) => sql)].map((sql) => `${sql};\n`).join('');
}

/** What of it only tables with their rows satisfy; nothing where it has no such part. */
export function rulesOf({ statements }: Rollback): string | undefined {
  const rules = statements.filter(({ phase }) => phase === 'rules');
  return rules.length > 0 ? scriptOf({ statements: rules }) : undefined;
}

/** The same for a server of that major version: what the shadow has may be newer. */
export function suited(rollback: Rollback, major: number): Rollback {
  if (major >= 17) return rollback;
  // PostgreSQL 17 has the right MAINTAIN, and GRANT ALL gives it there.
  const statements = rollback.statements.map((statement) =>
    /^(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) /.test(statement.sql)
      ? { ...statement, sql: statement.sql.replace(/\bMAINTAIN, |, MAINTAIN\b/, '') }
      : statement,
  );
  return { ...rollback, statements };
}

/** Takes a migration back by a rollback that was derived, but for its rules. */
export function derivedStep(migration: Migration, rollback: Rollback): Step {
  return {
    migration,
    direction: 'down',
    script: {
      kind: 'sql',
      file: `derived rollback of ${migration.name}`,
      sql: scriptOf({
        statements: rollback.statements.filter(({ phase }) => phase === 'structure'),
      }),
    },
    directives: { noTransaction: false, requiresBackfill: [] },
  };
}
