import type { Format, LoadedModule } from '../formats/format.ts';
import { loadModule } from '../formats/load-module.ts';
import { usageError } from '../errors.ts';
import type { ConnectionNames } from '../migration.ts';
import { executionOf, splitParts, type ExecutionPlan, type Part } from '../sql/execution.ts';
import type { Step } from './step.ts';

/** How each step of a run is run. */
export interface Preparation {
  /** Of SQL files. */
  executions: ReadonlyMap<Step, ExecutionPlan>;
  modules: ReadonlyMap<Step, LoadedModule>;
}

/**
 * Looks at all steps before the first is run: what no server could run as part of a migration is
 * refused while nothing has been tried.
 *
 * @param isPooled no setting holds from one statement to the next
 * @throws usage error naming the file, and the line where there is one
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
      if (isPooled && execution.isStepwise) await refuseSettings(step, execution);
      executions.set(step, execution);
    }
  }
  return { executions, modules };
}

/** Behind a pooler, a statement outside a transaction may run in any session, and would leave it changed. */
async function refuseSettings(
  { migration, script }: Step,
  { source }: ExecutionPlan,
): Promise<void> {
  const parts = await splitParts(source).catch(() => []); // the run reports the syntax error
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
 * The SET statements above a part, which are given again before it: a run that resumes another
 * has a new session, and our own statements in between need the role that we are.
 */
export function settingsBefore(parts: readonly Part[], done: number): string[] {
  return parts
    .slice(0, done)
    .flatMap(({ statements }) => statements)
    .flatMap(({ sql, setsSession }) => (setsSession ? [sql] : []));
}
