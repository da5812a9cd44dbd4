/** The part of a column's type that determines its range of values. */
export interface ValueType {
  /** The name of the type, of a domain's base type, or of an array's elements. */
  name: string;
  isArray: boolean;
  /** As in `pg_attribute.atttypmod`; -1 is no limit. */
  limit: number;
  /** The labels of an enum or the attributes of a composite type; otherwise empty. */
  parts: readonly string[];
}

/**
 * Returns whether every value survives a type change: it is unchanged, or the server rejects the
 * change. False where this is not known.
 */
export function keepsValues(from: ValueType, to: ValueType): boolean {
  if (to.name === 'text' && !to.isArray) return from.name !== 'money' || from.isArray;
  if (from.isArray !== to.isArray) return false;
  if (from.parts.length > 0) return from.parts.every((part) => to.parts.includes(part));
  if (from.name === to.name) return keepsLimit(from, to);
  const rule = widenings[from.name]?.[to.name];
  return rule !== undefined && rule(from, to);
}

type Rule = (from: ValueType, to: ValueType) => boolean;

const always: Rule = () => true;
const unlimited: Rule = (_, to) => to.limit === -1;
const asLong: Rule = (from, to) => to.limit === -1 || (from.limit !== -1 && to.limit >= from.limit);
/** A negative scale rounds; the server rejects values with too many digits before the point. */
const unrounded: Rule = (_, to) => to.limit === -1 || scaleOf(to) >= 0;

/**
 * Rules for types with different names. Server manual: "Numeric Types" (the widths of integers and
 * the exact range of floats), "Character Types" (trailing spaces of `char(n)` are insignificant),
 * "JSON Types" (jsonb keeps neither white space nor key order nor duplicate keys; json keeps the
 * output of jsonb), "Network Address Types" (every cidr is an inet), "Enumerated Types".
 */
const widenings: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  int2: { int4: always, int8: always, numeric: unrounded, float4: always, float8: always },
  int4: { int2: always, int8: always, numeric: unrounded, float8: always },
  int8: { int2: always, int4: always, numeric: unrounded },
  float4: { float8: always },
  text: { varchar: unlimited, citext: always },
  citext: { text: always, varchar: unlimited },
  varchar: { text: always, citext: always },
  bpchar: { varchar: asLong, text: always },
  date: { timestamp: always },
  cidr: { inet: always },
  jsonb: { json: always },
  bit: { varbit: asLong },
};

/** Returns whether values survive a change of the limit. */
function keepsLimit(from: ValueType, to: ValueType): boolean {
  if (from.limit === to.limit || to.limit === -1) return true;
  if (from.name !== 'numeric') return limited.has(from.name) && asLong(from, to);
  if (from.limit === -1) return false;
  return scaleOf(to) >= scaleOf(from);
}

/** Types whose limit is a length, or a number of digits of a second. */
const limited = new Set(
  ['varchar bpchar varbit', 'time timetz timestamp timestamptz'].flatMap((names) =>
    names.split(' '),
  ),
);

/** Returns the scale in a numeric's typmod (`numeric_typmod_scale()` in the server). */
function scaleOf({ limit }: ValueType): number {
  return (((limit - 4) & 0x7ff) ^ 1024) - 1024;
}
