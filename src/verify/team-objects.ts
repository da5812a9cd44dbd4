import type { Session } from '../db/session.ts';
import type { Folder } from '../formats/format.ts';
import { isToolTable, platformSchemas } from '../shadow/surroundings.ts';
import type { Problem } from './definition.ts';

/** Returns whether a problem is of the application, and not of a platform or of a migration tool. */
export async function ofTeam(
  session: Session,
  folder: Pick<Folder, 'format' | 'tracking'> | undefined,
): Promise<(problem: Problem) => boolean> {
  const platform = new Set(await platformSchemas(session, folder?.format ?? {}));
  const tools = new Set(folder?.tracking.tables);
  return ({ object: { kind, schema, parent, name } }) => {
    const table = parent || name;
    const own = kind === 'schema' ? name : schema;
    return !platform.has(own) && !tools.has(`${schema}.${table}`) && !isToolTable(table);
  };
}
