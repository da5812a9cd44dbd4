import type { SqlScript } from '../../migration.ts';
import { isBlank, sectionScript } from '../shared/section.ts';

const upMark = /^\s*--[\s-]*up\s+migration/im;
const downMark = /^\s*--[\s-]*down\s+migration/im;

/** The marks of the two directions, as in the tool's template. */
export const sections = {
  up: { mark: upMark, line: '-- Up Migration' },
  down: { mark: downMark, line: '-- Down Migration' },
};

/** Returns whether a text has a mark, which identifies the tool. */
export function hasMark(source: string): boolean {
  return upMark.test(source) || downMark.test(source);
}

interface Directions {
  up: SqlScript;
  down?: SqlScript;
  /** The up section is the whole file, including the down section. */
  upHoldsDown: boolean;
}

/** Returns the sections of a file, split as `getActions` does (node-pg-migrate, `sqlMigration`). */
export function directionsOf(file: string, source: string): Directions {
  const up = source.search(upMark);
  const down = source.search(downMark);
  const head = Math.max(0, Math.min(...[up, down].filter((index) => index >= 0), source.length));
  const section = (start: number, other: number) =>
    sectionScript(file, source, { head, start, end: other > start ? other : undefined });
  const downScript = down < 0 ? undefined : section(down, up);
  return {
    up: up < 0 ? { kind: 'sql', file, sql: source } : section(up, down),
    upHoldsDown: up < 0 && down >= 0,
    ...(downScript && !isBlank(downScript.sql) && { down: downScript }),
  };
}
