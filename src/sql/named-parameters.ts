import { parse } from './statements.ts';

/** SQL in which the names of parameters are replaced. */
export interface BoundSql {
  sql: string;
  /** The parameters that occur, in the order of their first place. */
  used: string[];
  /** Returns the offset in the original text of an offset in `sql`. */
  offsetOf(offset: number): number;
}

interface Place {
  name: string;
  /** In UTF-16 units. */
  start: number;
  end: number;
  /** Between the brackets of a[from:to], where a colon is no parameter. */
  isInBrackets: boolean;
}

/**
 * Replaces `:name` outside strings, comments, quoted names and `::type`, as PostgreSQL's own scanner reads
 * them. In `a[1:n]` a name is a parameter only where it is declared.
 *
 * @param textOf SQL of a parameter at its place in `used`, 0-based; undefined for one that is not declared
 * @returns also the names that are not declared
 */
export async function bindParameters(
  sql: string,
  textOf: (name: string, place: number) => string | undefined,
): Promise<BoundSql & { unknown: string[] }> {
  const used: string[] = [];
  const unknown = new Set<string>();
  const shifts: { at: number; from: number; length: number; text: number }[] = [];
  let bound = '';
  let last = 0;
  for (const { name, start, end, isInBrackets } of await placesIn(sql)) {
    const known = used.indexOf(name);
    const text = textOf(name, known < 0 ? used.length : known);
    if (text === undefined && !isInBrackets) unknown.add(name);
    if (text === undefined) continue;
    if (known < 0) used.push(name);
    bound += sql.slice(last, start);
    shifts.push({ at: bound.length, from: start, length: end - start, text: text.length });
    bound += text;
    last = end;
  }
  const offsetOf = (offset: number) => {
    const shift = shifts.findLast(({ at }) => at <= offset);
    if (!shift) return offset;
    const inside = offset - shift.at;
    return inside < shift.text ? shift.from : shift.from + shift.length + inside - shift.text;
  };
  return { sql: bound + sql.slice(last), used, unknown: [...unknown], offsetOf };
}

async function placesIn(sql: string): Promise<Place[]> {
  await parse('SELECT 1'); // loads the module
  const { scanSync } = await import('libpg-query');
  const bytes = Buffer.from(sql);
  const tokens = scanned(() => scanSync(sql).tokens);
  const places: Place[] = [];
  let depth = 0;
  for (const [at, { text, start, end }] of tokens.entries()) {
    if (text === '[') depth++;
    if (text === ']') depth--;
    const name = tokens[at + 1];
    if (text !== ':' || name?.start !== end || !/^[a-z_]\w*$/i.test(name.text)) continue;
    const before = bytes.subarray(0, start).toString().length;
    const length = 1 + name.text.length;
    places.push({
      name: name.text,
      start: before,
      end: before + length,
      isInBrackets: depth > 0,
    });
  }
  return places;
}

/** The scanner rejects an unclosed string; the parser then says where it is. */
function scanned<T>(scan: () => T[]): T[] {
  try {
    return scan();
  } catch {
    return [];
  }
}
