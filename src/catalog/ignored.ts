import { objectName, type ObjectIdentity } from './snapshot.ts';

/** The objects that the configuration leaves out of every comparison. */
export interface Scope {
  /** The schemas of the application; absent: all. */
  schemas?: readonly string[];
  /** Patterns of objects or of findings, in which `*` matches any text. */
  ignore: readonly string[];
}

/** Returns whether the configuration excludes an object. Objects outside schemas are in every schema. */
export function isIgnored(object: ObjectIdentity, { schemas, ignore }: Scope): boolean {
  const schema = schemaOf(object);
  if (schemas && schema !== '' && !schemas.includes(schema)) return true;
  const owner = object.parent && objectName({ ...object, parent: '', name: object.parent });
  const names = [objectName(object), ...(owner ? [owner] : [])];
  // `audit.*` is all of a schema: the schema itself belongs to it.
  if (isSchema(object)) names.push(`${objectName(object)}.`);
  return ignore.some((pattern) => names.some((name) => matches(pattern, name)));
}

/** Returns whether the configuration excludes the object that a finding names, as `objectName` writes it. */
export function isNameIgnored(name: string, scope: Scope): boolean {
  const whole = name.slice(name.lastIndexOf(' on ') + 1).replace(/^on /, '');
  const [, quoted, plain] = /^(?:"((?:[^"]|"")+)"|([^".(]+))\./.exec(whole) ?? [];
  const schema = quoted?.replaceAll('""', '"') ?? plain;
  if (schema !== undefined && scope.schemas && !scope.schemas.includes(schema)) return true;
  return scope.ignore.some((pattern) => matches(pattern, name) || matches(pattern, whole));
}

/** Returns whether text matches a pattern as a whole, in which `*` matches any text. */
export function matches(pattern: string, text: string): boolean {
  const literal = pattern.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`);
  return new RegExp(`^${literal.replaceAll('*', '.*')}$`, 's').test(text);
}

function isSchema({ kind }: ObjectIdentity): boolean {
  return kind === 'schema' || kind === 'schema grants';
}

/** Returns the schema of an object, which for a schema is its own name; empty outside schemas. */
export function schemaOf(object: ObjectIdentity): string {
  return isSchema(object) ? object.name : object.schema;
}
