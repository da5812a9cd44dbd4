/** A value of the configuration; a member that is undefined is left out. */
export type ConfigValue =
  | string
  | number
  | boolean
  | readonly ConfigValue[]
  | { readonly [key: string]: ConfigValue | Reasoned | undefined };

/** A value with the reason for it, which is written behind it as a comment. */
export class Reasoned {
  readonly value: ConfigValue;
  readonly reason: string;
  constructor(value: ConfigValue, reason: string) {
    this.value = value;
    this.reason = reason;
  }
}

/** Returns a value and why it is proposed. */
export function because(reason: string, value: ConfigValue): Reasoned {
  return new Reasoned(value, reason);
}

const width = 96;

/** Returns `key: value,` as lines of TypeScript. */
export function linesOf(key: string, entry: ConfigValue | Reasoned, depth: number): string[] {
  const { value, reason } = entry instanceof Reasoned ? entry : { value: entry, reason: undefined };
  const indent = '  '.repeat(depth);
  const comment = reason === undefined ? [] : [`${indent}// ${reason}`];
  const short = `${indent}${nameOf(key)}: ${flat(value)},`;
  const isFlat = short.length <= width && !hasReason(value);
  if (typeof value !== 'object' || isFlat) return [...comment, short];
  if (Array.isArray(value))
    return [
      ...comment,
      `${indent}${nameOf(key)}: [`,
      ...value.map((each) => `${indent}  ${flat(each)},`),
      `${indent}],`,
    ];
  const members = Object.entries(value).flatMap(([name, member]) =>
    member === undefined ? [] : linesOf(name, member, depth + 1),
  );
  return [...comment, `${indent}${nameOf(key)}: {`, ...members, `${indent}},`];
}

function hasReason(value: ConfigValue): boolean {
  if (typeof value !== 'object') return false;
  return Object.values(value).some(
    (each) => each instanceof Reasoned || (each !== undefined && hasReason(each)),
  );
}

function flat(value: ConfigValue | Reasoned): string {
  if (value instanceof Reasoned) return flat(value.value);
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(flat).join(', ')}]`;
  const members = Object.entries(value).flatMap(([name, member]) =>
    member === undefined ? [] : [`${nameOf(name)}: ${flat(member)}`],
  );
  return `{ ${members.join(', ')} }`;
}

function nameOf(key: string): string {
  return /^[a-z_$][\w$]*$/i.test(key) ? key : quoted(key);
}

/** Returns the quotes that need no escape, as formatters do. */
function quoted(value: string): string {
  const json = JSON.stringify(value);
  if (value.includes("'")) return json;
  return `'${json.slice(1, -1).replaceAll(String.raw`\"`, '"')}'`;
}
