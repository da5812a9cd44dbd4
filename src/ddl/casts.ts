import type { Session } from '../db/session.ts';

/** Conversions between types. */
export interface Casts {
  /** Returns SQL that converts a column to the other type; undefined when there is no conversion. */
  expression(column: string, from: string, to: string): string | undefined;
}

/** Reads the casts of the server (server manual, "pg_cast"). */
export async function readCasts(session: Session): Promise<Casts> {
  const known = await session.query<{ source: string; target: string }>(
    'SELECT format_type(castsource, NULL) AS source, format_type(casttarget, NULL) AS target FROM pg_cast',
  );
  const pairs = new Set(known.map(({ source, target }) => pairOf(source, target)));
  return { expression: (column, from, to) => castOf(pairs, column, from, to) };
}

const pairOf = (source: string, target: string) => `${source} → ${target}`;

const texts = new Set(['text', 'character varying', 'character', 'name', '"char"', 'citext']);

/** Built-in types. Others are mostly enums, which convert through text. */
const builtIn = /^(?:[a-z]+(?: [a-z]+)*|"char")$/;

function castOf(
  pairs: ReadonlySet<string>,
  column: string,
  from: string,
  to: string,
): string | undefined {
  const [source, target] = [baseOf(from), baseOf(to)];
  // A plain cast would use the session's time zone.
  if (isZoneChange(source, target)) return `${column} AT TIME ZONE 'UTC'`;
  const [sourceElement, targetElement] = [elementOf(source), elementOf(target)];
  const areArrays = source !== sourceElement && target !== targetElement;
  if (areArrays || source === sourceElement) {
    const [a, b] = areArrays ? [sourceElement, targetElement] : [source, target];
    if (a === b || pairs.has(pairOf(a, b))) return `${column}::${to}`;
  }
  // Every type reads and writes text (server manual, "CREATE CAST": I/O conversion casts).
  if (texts.has(source) || texts.has(target)) return `${column}::${to}`;
  if (areArrays && (texts.has(sourceElement) || texts.has(targetElement)))
    return `${column}::${to}`;
  if (areArrays !== (source !== sourceElement)) return undefined;
  if (areArrays && !(builtIn.test(sourceElement) && builtIn.test(targetElement)))
    return `${column}::text[]::${to}`;
  if (target === 'jsonb' || target === 'json') return `to_${target}(${column})`;
  return builtIn.test(source) && builtIn.test(target) ? undefined : `${column}::text::${to}`;
}

function isZoneChange(from: string, to: string): boolean {
  const [a = '', b] = [from, to].toSorted();
  return a === 'timestamp with time zone' && b === 'timestamp without time zone';
}

/** Without the modifier: `numeric` for `numeric(10,2)`. */
function baseOf(type: string): string {
  return type.replace(/\(\d+(?:,-?\d+)?\)/, '');
}

function elementOf(type: string): string {
  return type.replace(/\[\]$/, '');
}
