import type { Format, LoadedModule } from '../formats/format.ts';
import { loadModule } from '../formats/load-module.ts';
import { usageError } from '../errors.ts';
import type { ConnectionNames } from '../migration.ts';
import { executionOf, splitParts, type ExecutionPlan, type Part } from '../sql/execution.ts';
import type { Step } from './step.ts';

/** How each step of a run is executed. */
export interface Preparation {
  /** Plans of SQL files. */
  executions: ReadonlyMap<Step, ExecutionPlan>;
  modules: ReadonlyMap<Step, LoadedModule>;
}

/**
 * Checks all steps before the first one runs: a file that no server can run as a migration is
 * rejected before anything is changed.
 * @param isPooled whether settings are lost between transactions
 * @throws usage error naming the file, and the line where it is known
 */
export async function preflight(
  steps: readonly Step[],
  format: Format,
  connection: ConnectionNames,
  isPooled = false,
): Promise<Preparation> {
  const executions = new Map<Step, ExecutionPlan>();
  const modules = new Map<Step, LoadedModule>();
  for (const step of steps) {
    const { script, directives, migration, direction } = step;
    if (script.kind === 'module') modules.set(step, await loadModule(format, script, direction));
    else {
      const { name } = migration;
      const execution = await executionOf({ name, script, directives }, format, connection);
      if (isPooled && execution.isStepwise) await assertNoSettings(step, execution);
      executions.set(step, execution);
    }
  }
  return { executions, modules };
}

/**
 * Behind a pooler, a statement outside a transaction can run on any connection and would leave its
 * settings there.
 */
async function assertNoSettings(
  { migration, script }: Step,
  { source }: ExecutionPlan,
): Promise<void> {
  const parts = await splitParts(source).catch(() => []); // the server reports the position of the syntax error
  const alone = parts.find(
    ({ statements: [{ standsAlone }] }, done) =>
      standsAlone && settingsBefore(parts, done).length > 0,
  );
  if (!alone) return;
  throw usageError(
    'MIGRATION.POOLED_SETTINGS',
    `${migration.name} uses SET for a statement that runs outside a transaction (line ${alone.statements[0].line}). Settings do not persist behind a connection pooler.`,
    'Connect directly: set --database-url or DATABASE_URL_UNPOOLED to the direct URL.',
    [script.file],
  );
}

/**
 * Returns the SET statements before a part. They run again before it: a resumed run has a new
 * session, and dbops resets the role between parts.
 */
export function settingsBefore(parts: readonly Part[], done: number): string[] {
  return parts
    .slice(0, done)
    .flatMap(({ statements }) => statements)
    .flatMap(({ sql, setsSession }) => (setsSession ? [sql] : []));
}
