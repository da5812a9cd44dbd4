import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { usageError, type DbopsError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import type { Step } from '../migrate/step.ts';
import type { Direction, Migration } from '../migration.ts';
import { readDirectives } from '../sql/directives.ts';

/** The steps of a plan. @throws usage error for a migration that has no such direction */
export function toSteps(
  migrations: readonly Migration[],
  direction: Direction,
  format: Format,
): Step[] {
  return migrations.map((migration) => {
    const found = migration[direction];
    if (!found) throw noDown(migration, format);
    const script = { ...found }; // read once: the text may be a getter
    const source = script.kind === 'sql' ? script.sql : readFileSync(script.file, 'utf8');
    return { migration, direction, script, directives: readDirectives(source, migration.name) };
  });
}

function noDown(migration: Migration, format: Format): DbopsError {
  const file = format.downFile?.(migration);
  return usageError(
    'MIGRATION.NO_DOWN',
    `${migration.name} has no rollback; nothing was rolled back.`,
    file
      ? `Write ${relative(process.cwd(), file)}, then run the command again.`
      : `A folder of format ${format.name} holds no rollbacks: write a migration that undoes it.`,
  );
}
