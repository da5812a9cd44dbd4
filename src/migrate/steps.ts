import { readFileSync } from 'node:fs';
import type { Step } from '../runner/step.ts';
import type { Direction, Migration } from '../migration.ts';
import { readDirectives } from '../sql/directives.ts';

/** The steps of a plan, of migrations that have this direction. */
export function toSteps(migrations: readonly Migration[], direction: Direction): Step[] {
  return migrations.map((migration) => {
    const found = migration[direction];
    if (!found) throw new Error(`${migration.name} has no ${direction}`);
    const script = { ...found }; // read once: the text may be a getter
    const source = script.kind === 'sql' ? script.sql : readFileSync(script.file, 'utf8');
    return { migration, direction, script, directives: readDirectives(source, migration.name) };
  });
}
