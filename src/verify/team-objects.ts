import type { Session } from '../db/session.ts';
import type { Folder } from '../formats/format.ts';
import { isToolTable, platformSchemas } from '../shadow/surroundings.ts';
import type { Problem } from './definition.ts';

/** Returns whether a problem is of the application, and not of a platform or of a migration tool. */
export async function ofTeam(
  session: Session,
  { format, tracking }: Pick<Folder, 'format' | 'tracking'>,
): Promise<(problem: Problem) => boolean> {
  const platform = new Set(await platformSchemas(session, format));
  const tools = new Set(tracking.tables);
  return ({ object: { schema, parent, name } }) => {
    const table = parent || name;
    return !platform.has(schema) && !tools.has(`${schema}.${table}`) && !isToolTable(table);
  };
}
