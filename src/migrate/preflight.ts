import type { Format } from '../formats/format.ts';
import { loadModule } from '../formats/load-module.ts';
import type { ConnectionNames } from '../migration.ts';
import { executionOf, type Execution } from '../sql/execution.ts';
import type { Step } from './step.ts';

/** How each SQL file of a run is sent. */
export type Executions = ReadonlyMap<Step, Execution>;

/**
 * Looks at all steps before the first is run: what no server could run as part of a migration is
 * refused while nothing has been tried.
 *
 * @throws usage error naming the file, and the line where there is one
 */
export async function preflight(
  steps: readonly Step[],
  format: Format,
  connection: ConnectionNames,
): Promise<Executions> {
  const executions = new Map<Step, Execution>();
  for (const step of steps) {
    const { script, directives, migration, direction } = step;
    if (script.kind === 'module') await loadModule(format, script, direction);
    else {
      const { name } = migration;
      executions.set(step, await executionOf({ name, script, directives }, format, connection));
    }
  }
  return executions;
}
