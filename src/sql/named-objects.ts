import { nameFrom, type ObjectName } from './non-transactional.ts';

/** Objects that share their names: two of one space, schema and parent cannot have the same one. */
export type NameSpace =
  | 'relation'
  | 'column'
  | 'constraint'
  | 'trigger'
  | 'policy'
  | 'rule'
  | 'routine'
  | 'type'
  | 'schema'
  | 'extension'
  | 'publication'
  | 'event trigger'
  | 'statistics';

/** An object as a statement names it. */
export interface TouchedObject {
  space: NameSpace;
  /** Absent where `search_path` determines it; empty for an object outside schemas. */
  schema?: string;
  /** The table or domain of a part; otherwise empty. */
  parent: string;
  /** Of a routine without its arguments. */
  name: string;
}

/** What a statement does to an object. */
export type Touch =
  | { does: 'change' | 'drop'; object: TouchedObject }
  | { does: 'rename'; object: TouchedObject; to: { schema?: string; name?: string } };

/** Returns an object that is no part of another. */
export function objectIn(space: NameSpace, { schema, name }: ObjectName): TouchedObject {
  return { space, ...(schema !== undefined && { schema }), parent: '', name };
}

/** Returns a part of a table or a domain. */
export function partOf(space: NameSpace, of: ObjectName, name: string): TouchedObject {
  return { ...objectIn(space, of), parent: of.name, name };
}

/** Returns an object outside schemas. */
export function globalOf(space: NameSpace, name = ''): TouchedObject {
  return { space, schema: '', parent: '', name };
}

/** Returns the object that a statement names by its kind in the parse tree and the parts of its name. */
export function objectOfPath(kind: string, path: readonly string[]): TouchedObject | undefined {
  const word = kind.replace('OBJECT_', '');
  if (/^(?:TABLE|INDEX|VIEW|MATVIEW|SEQUENCE|FOREIGN_TABLE)$/.test(word))
    return objectIn('relation', nameFrom(path));
  if (/^(?:FUNCTION|PROCEDURE|ROUTINE|AGGREGATE)$/.test(word))
    return objectIn('routine', nameFrom(path));
  if (word === 'TYPE' || word === 'DOMAIN') return objectIn('type', nameFrom(path));
  if (word === 'STATISTIC_EXT') return objectIn('statistics', nameFrom(path));
  const global = { SCHEMA: 'schema', EXTENSION: 'extension', PUBLICATION: 'publication' } as const;
  if (word === 'SCHEMA' || word === 'EXTENSION' || word === 'PUBLICATION')
    return globalOf(global[word], path[0]);
  if (word === 'EVENT_TRIGGER') return globalOf('event trigger', path[0]);
  const part = { TRIGGER: 'trigger', POLICY: 'policy', RULE: 'rule' } as const;
  if (word === 'TRIGGER' || word === 'POLICY' || word === 'RULE')
    return partOf(part[word], nameFrom(path.slice(0, -1)), path.at(-1) ?? '');
  return undefined;
}
