import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { ObjectIdentity } from '../catalog/snapshot.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { Finding } from '../report.ts';
import type { NameSpace } from '../sql/named-objects.ts';
import { allowCommentsOf, type AllowComment } from './allow-comments.ts';
import { sourceOf } from '../text-file.ts';
import type { PlacedObject, StatementPlace, StatementPlaces } from './statement-places.ts';

/** A finding before it is known where in the folder its object comes from. */
export type FoundFinding = Finding & {
  /** Its object; absent for what no statement creates, such as a setting, a row or an object created by hand. */
  identity?: ObjectIdentity;
};

/** A finding with the file and the line that it points to. */
export interface LocatedFinding {
  finding: Finding;
  /** The comments beside the statements of its object. */
  allows: readonly AllowComment[];
}

/** Where findings are looked for. */
export interface LocationRequest {
  cwd: string;
  /** The path of the configuration; absent: there is none. */
  configFile?: string | undefined;
  directory: string;
  /** Those that the findings are about. */
  migrations: readonly Migration[];
  format?: Pick<Folder['format'], 'searchPath'>;
  /**
   * Returns the migrations that created or last changed these objects, by a replay. It is called for
   * folders with modules, whose statements only a run shows.
   */
  originsOf?: (objects: readonly ObjectIdentity[]) => Promise<readonly (string | undefined)[]>;
}

/** Returns the same findings, each with its file and line. Reads the statements only where one names an object. */
export async function locateFindings(
  found: readonly FoundFinding[],
  surroundings: LocationRequest,
): Promise<LocatedFinding[]> {
  if (found.length === 0) return [];
  const places = await placesFor(found, surroundings);
  const origins = await originsFor(found, places, surroundings);
  const name = namer(surroundings);
  return found.map((each, at) => {
    const { identity, ...finding } = each;
    const statements = statementsFor(each, places, origins[at]);
    const { where } = finding;
    const names = identity ? [where.migration] : [where.migration, where.object];
    const migration = migrationNamed(names, surroundings);
    const last = statements.at(-1);
    const place = last ?? placeByName(finding, migration, surroundings);
    const from = where.migration ?? last?.migration;
    const allows =
      migration && !identity ? allowsIn(migration) : statements.flatMap(({ allows: own }) => own);
    return {
      finding: {
        ...finding,
        where: { ...where, ...(from && { migration: from }), ...name(place, where) },
      },
      allows: [...new Set(allows)],
    };
  });
}

type Lines = Pick<StatementPlace, 'file' | 'line' | 'endLine'>;

const nowhere: StatementPlaces = { objects: [], hidden: [], modules: [] };

async function placesFor(
  found: readonly FoundFinding[],
  { migrations, format }: LocationRequest,
): Promise<StatementPlaces> {
  if (!found.some(({ identity }) => identity)) return nowhere;
  const { placesOf } = await import('./statement-places.ts');
  return placesOf(migrations, schemasIn(format?.searchPath));
}

/** Returns the schemas of a `search_path` in SQL. */
function schemasIn(searchPath = 'public'): string[] {
  return [...searchPath.matchAll(/"((?:[^"]|"")+)"|[^\s,"]+/g)].map(([plain, quoted]) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  );
}

/** Asks for the migrations of objects that no statement names, in a folder with modules. */
async function originsFor(
  found: readonly FoundFinding[],
  places: StatementPlaces,
  { originsOf }: LocationRequest,
): Promise<(string | undefined)[]> {
  const open = found.filter(
    ({ identity, where }) =>
      identity && where.migration === undefined && namedIn(places.objects, identity).length === 0,
  );
  if (open.length === 0 || places.modules.length === 0 || !originsOf) return [];
  const objects = open.flatMap(({ identity }) => identity ?? []);
  const origins = await originsOf(objects).catch(() => []); // it does not replay: the file is enough
  return found.map((each) => origins[open.indexOf(each)]);
}

/** Returns the statements that created or changed the object, as far as one migration is known. */
function statementsFor(
  { identity, where }: Pick<FoundFinding, 'identity' | 'where'>,
  places: StatementPlaces,
  origin: string | undefined,
): readonly StatementPlace[] {
  if (!identity) return [];
  const migration = where.migration ?? origin;
  const isOf = (place: StatementPlace) => migration === undefined || place.migration === migration;
  const own = placesIn(namedIn(places.objects, identity)).filter(isOf);
  if (own.length > 0) return own;
  const parent = parentOf(identity);
  const ofTable = parent ? placesIn(namedIn(places.objects, parent)).filter(isOf) : [];
  if (ofTable.length > 0) return ofTable;
  const words = [identity.name, identity.parent].map((each) => each.replace(/\(.*/, ''));
  for (const word of words.filter(Boolean)) {
    const hidden = places.hidden.filter((place) => isOf(place) && mentions(place, word)).slice(-1);
    if (hidden.length > 0) return hidden;
  }
  return migration === undefined ? [] : places.modules.filter(isOf);
}

function mentions({ hidden = '' }: StatementPlace, word: string): boolean {
  const literal = word.replaceAll(/[^\p{L}\p{N}_]/gu, String.raw`\$&`);
  return new RegExp(String.raw`(?<![\p{L}\p{N}_])${literal}(?![\p{L}\p{N}_])`, 'u').test(hidden);
}

function placesIn(objects: readonly PlacedObject[]): StatementPlace[] {
  return objects.flatMap(({ places }) => places);
}

const spaces: Readonly<Record<string, NameSpace>> = {
  table: 'relation',
  'foreign table': 'relation',
  view: 'relation',
  sequence: 'relation',
  index: 'relation',
  column: 'column',
  constraint: 'constraint',
  'domain constraint': 'constraint',
  trigger: 'trigger',
  policy: 'policy',
  rule: 'rule',
  function: 'routine',
  aggregate: 'routine',
  type: 'type',
  domain: 'type',
  schema: 'schema',
  'schema grants': 'schema',
  extension: 'extension',
  publication: 'publication',
  'event trigger': 'event trigger',
  statistics: 'statistics',
  grants: 'relation',
};

/** Kinds whose name is one of a part of their parent. */
const ofParent = new Set<NameSpace>(['column', 'constraint', 'trigger', 'policy', 'rule']);

/** Outside of schemas, or named with the schema in one text. */
function addressOf({ kind, schema, parent, name }: ObjectIdentity) {
  const space = spaces[kind] ?? 'relation';
  if (space === 'routine') return { space, schema, parent: '', name: name.replace(/\(.*/s, '') };
  if (space === 'statistics')
    return { space, schema, parent: '', name: name.replace(/^.*?\./, '') };
  return { space, schema, parent: ofParent.has(space) ? parent : '', name };
}

/** Returns the object; one of another schema where statements name it without theirs. */
function namedIn(objects: readonly PlacedObject[], identity: ObjectIdentity): PlacedObject[] {
  const address = addressOf(identity);
  const named = objects.filter(
    (each) =>
      each.space === address.space && each.name === address.name && each.parent === address.parent,
  );
  const exact = named.filter(({ schema }) => schema === address.schema);
  return exact.length > 0 ? exact : named.filter(({ isQualified }) => !isQualified).slice(-1);
}

function parentOf({ kind, schema, parent }: ObjectIdentity): ObjectIdentity | undefined {
  if (!parent) return undefined;
  return {
    kind: kind === 'domain constraint' ? 'domain' : 'table',
    schema,
    parent: '',
    name: parent,
  };
}

function migrationNamed(
  names: readonly (string | undefined)[],
  { migrations }: LocationRequest,
): Migration | undefined {
  const isNamed = ({ name, up }: Migration) =>
    names.some((each) => each === name || each === basename(up.file) || each === up.file);
  return migrations.find((each) => !each.isMissing && isNamed(each));
}

/** The comments of a whole file. */
function allowsIn({ up }: Migration): AllowComment[] {
  try {
    return allowCommentsOf(sourceOf(up), { file: up.file, isModule: up.kind === 'module' });
  } catch {
    return []; // the folder reports a file that cannot be read
  }
}

/** Returns the file of the migration that a finding names; otherwise the configuration, or the first file. */
function placeByName(
  { where }: Finding,
  migration: Migration | undefined,
  { migrations, configFile, directory }: LocationRequest,
): Lines {
  const { file, line = 1, endLine = line } = where;
  if (file !== undefined) return { file, line, endLine };
  if (migration) return { file: migration.up.file, line, endLine };
  const folders = [directory, ...(configFile === undefined ? [] : [dirname(configFile)])];
  const own = folders.flatMap((folder) => fileIn(folder, where.object) ?? []);
  if (own[0] !== undefined) return { file: own[0], line, endLine };
  const first = configFile ?? migrations.find(({ isMissing }) => !isMissing)?.up.file ?? directory;
  return { file: first, line: 1, endLine: 1 };
}

/** A data check, or what a tool keeps in the folder beside the migrations. */
function fileIn(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  try {
    return relative(folder, path).startsWith('..') || !statSync(path).isFile() ? undefined : path;
  } catch {
    return undefined;
  }
}

/** Returns a function that names a file from the root of the repository, with `/`. */
function namer({ cwd, directory }: LocationRequest) {
  const root = repositoryOf(directory) ?? real(cwd);
  return ({ file, line, endLine }: Lines, given: Finding['where']) => {
    const path = relative(root, real(isAbsolute(file) ? file : resolve(cwd, file)));
    const shown = path.split(sep).join('/') || basename(file);
    return {
      file: shown,
      line: given.line ?? line,
      endLine: given.endLine ?? given.line ?? endLine,
    };
  };
}

function repositoryOf(directory: string): string | undefined {
  for (let at = real(directory); ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (dirname(at) === at) return undefined;
  }
}

/** Without links: a platform shows only files under their own path. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
