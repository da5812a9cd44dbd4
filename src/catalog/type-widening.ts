/** The type of a column, as far as it decides which values the column can hold. */
export interface ValueType {
  /** Of the type itself, a domain being its base type; of an array, its elements'. */
  name: string;
  isArray: boolean;
  /** As in `pg_attribute.atttypmod`; -1 is no limit. */
  limit: number;
  /** The labels of an enum, the attributes of a composite type; empty for every other type. */
  parts: readonly string[];
}

/**
 * Whether a column keeps every value when its type changes so: the value is the same one
 * afterwards, or the server refuses the change. What is not known to is said not to.
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
/** A scale below 0 rounds; too few digits before the point are refused. */
const unrounded: Rule = (_, to) => to.limit === -1 || scaleOf(to) >= 0;

/**
 * Between types of different names. Server manual: "Numeric Types" (the widths of integers and
 * the exact range of floats), "Character Types" (trailing blanks of `char(n)` mean nothing),
 * "JSON Types" (jsonb keeps neither blanks nor order nor twins, json keeps what jsonb prints),
 * "Network Address Types" (every cidr is an inet), "Enumerated Types" (a label is spelled exactly).
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

/** The same type with another limit. */
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

/** The digits after the point, of a numeric's typmod (`numeric_typmod_scale()` in the server). */
function scaleOf({ limit }: ValueType): number {
  return (((limit - 4) & 0x7ff) ^ 1024) - 1024;
}
