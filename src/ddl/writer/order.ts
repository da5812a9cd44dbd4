import { DbopsError, exitCodes } from '../../errors.ts';
import { stages, type SchemaPiece } from './piece.ts';
import type { TableDraft } from './tables.ts';

/** A row of pg_depend: `from` depends on `to`. */
export interface Dependency {
  from: string;
  to: string;
  /** `deptype` (server manual, "pg_depend"). */
  type: string;
}

/** The pieces that a piece needs, by id. */
export type Needs = Map<string, Set<string>>;

/** Returns the piece that creates a catalog object; undefined for one that no piece creates. */
export type Resolve = (id: string) => string | undefined;

/**
 * Returns the pieces in the order in which they are created, the same in every database with the same
 * objects. A rule of a table that depends on what needs the table becomes a piece of its own.
 *
 * @throws DbopsError that names the objects when they depend on one another in a circle
 */
export function inOrder(
  pieces: readonly SchemaPiece[],
  tables: readonly TableDraft[],
  all: readonly Dependency[],
): { pieces: SchemaPiece[]; needs: Needs; resolve: Resolve } {
  const copies = new Set(tables.flatMap((table) => table.copies));
  const dependencies = all.filter(({ from }) => !copies.has(from));
  const first = [...pieces, ...tables.flatMap(({ piece, later }) => [piece, ...later])];
  const ids = new Map(first.map((piece) => [piece.id, piece]));
  const aliases = aliasesOf(dependencies, ids);
  for (const { piece, creates, rules } of tables)
    for (const id of [...creates, ...rules.map((rule) => rule.id)]) aliases.set(id, piece.id);
  const resolve = resolver(ids, aliases);
  const late = decideRules(tables, needsOf(first, withoutRules(dependencies, tables), resolve), {
    dependencies,
    resolve,
  });
  for (const piece of late) {
    aliases.delete(piece.id);
    ids.set(piece.id, piece);
  }
  const whole = [...first, ...late];
  const needs = needsOf(whole, dependencies, resolve);
  return { pieces: sort(whole, needs), needs, resolve };
}

/** What an object or an extension brought along is created with it. */
function aliasesOf(dependencies: readonly Dependency[], ids: ReadonlyMap<string, SchemaPiece>) {
  const aliases = new Map<string, string>();
  for (const { from, to, type } of dependencies)
    if ((type === 'i' || type === 'e') && !ids.has(from)) aliases.set(from, to);
  // The check of a domain depends on it automatically.
  for (const { from, to, type } of dependencies)
    if (type === 'a' && !ids.has(from) && !aliases.has(from)) aliases.set(from, to);
  return aliases;
}

function resolver(
  ids: ReadonlyMap<string, SchemaPiece>,
  aliases: ReadonlyMap<string, string>,
): Resolve {
  return (id) => {
    const seen = new Set<string>();
    let at: string | undefined = id;
    while (at !== undefined && !ids.has(at) && !seen.has(at)) {
      seen.add(at);
      at = aliases.get(at);
    }
    return at !== undefined && ids.has(at) ? at : undefined;
  };
}

function withoutRules(dependencies: readonly Dependency[], tables: readonly TableDraft[]) {
  const rules = new Set(tables.flatMap((table) => table.rules.map(({ id }) => id)));
  return dependencies.filter(({ from }) => !rules.has(from));
}

/** Partitions depend on their parents through a dependency that these statements do not need. */
const ofPartitions = new Set(['P', 'S', 'e']);

function needsOf(
  pieces: readonly SchemaPiece[],
  dependencies: readonly Dependency[],
  resolve: Resolve,
): Needs {
  const needs: Needs = new Map(pieces.map(({ id }) => [id, new Set<string>()]));
  const stageOf = new Map(pieces.map(({ id, stage }) => [id, stage]));
  const inherits = new Set(
    pieces.flatMap(({ stage, needs: [child = '', parent = ''] }) =>
      stage === 'inheritance' ? [`${child} ${parent}`] : [],
    ),
  );
  for (const { from, to, type } of dependencies) {
    const [needing, needed] = [resolve(from), resolve(to)];
    if (needing === undefined || needed === undefined || needing === needed) continue;
    if (ofPartitions.has(type) || inherits.has(`${needing} ${needed}`)) continue;
    // A sequence is created before the table that owns it.
    if (type === 'a' && stageOf.get(needing) === 'sequence' && stageOf.get(needed) === 'table')
      continue;
    needs.get(needing)?.add(needed);
  }
  for (const piece of pieces)
    for (const id of piece.needs) {
      const needed = resolve(id);
      if (needed !== undefined && needed !== piece.id) needs.get(piece.id)?.add(needed);
    }
  return needs;
}

/** Leaves each rule in its table where that closes no circle. @returns the other rules */
function decideRules(
  tables: readonly TableDraft[],
  needs: Needs,
  { dependencies, resolve }: { dependencies: readonly Dependency[]; resolve: Resolve },
): SchemaPiece[] {
  const byRule = Map.groupBy(dependencies, ({ from }) => from);
  const inNames = tables.toSorted((a, b) => compare(a.piece, b.piece));
  return inNames.flatMap(({ piece, rules, lines }) =>
    rules.flatMap(({ id, line, without, late }) => {
      const needed = (byRule.get(id) ?? []).flatMap(({ to }) => resolve(to) ?? []);
      const others = needed.filter((each) => each !== piece.id);
      if (!others.some((each) => reaches(needs, each, piece.id))) {
        for (const each of others) needs.get(piece.id)?.add(each);
        return [];
      }
      lines[line] = without;
      return [late];
    }),
  );
}

function reaches(needs: Needs, from: string, to: string): boolean {
  const seen = new Set<string>();
  const open = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at === to) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    open.push(...(needs.get(at) ?? []));
  }
  return false;
}

/** Of the pieces that can be created, the first by stage and name is next. */
function sort(pieces: readonly SchemaPiece[], needs: Needs): SchemaPiece[] {
  const left = new Map([...needs].map(([id, needed]) => [id, needed.size]));
  const users = new Map<string, SchemaPiece[]>();
  for (const piece of pieces)
    for (const needed of needs.get(piece.id) ?? [])
      users.set(needed, [...(users.get(needed) ?? []), piece]);
  const ready = pieces.filter(({ id }) => left.get(id) === 0).toSorted((a, b) => compare(b, a));
  const sorted: SchemaPiece[] = [];
  for (let piece = ready.pop(); piece; piece = ready.pop()) {
    sorted.push(piece);
    for (const user of users.get(piece.id) ?? []) {
      const count = (left.get(user.id) ?? 0) - 1;
      left.set(user.id, count);
      if (count === 0) insert(ready, user);
    }
  }
  if (sorted.length < pieces.length) throw circle(pieces.filter((each) => !sorted.includes(each)));
  return withRefreshes(sorted);
}

/** Inserts into a list whose last element is the first by name. */
function insert(ready: SchemaPiece[], piece: SchemaPiece): void {
  let [low, high] = [0, ready.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = ready[middle];
    if (other && compare(other, piece) > 0) low = middle + 1;
    else high = middle;
  }
  ready.splice(low, 0, piece);
}

/** A materialized view is filled after those that it reads. */
function withRefreshes(sorted: readonly SchemaPiece[]): SchemaPiece[] {
  const places = new Map(sorted.map(({ id }, at) => [id, at]));
  const placeOf = ({ needs: [view = ''] }: SchemaPiece) => places.get(view) ?? 0;
  const refreshes = sorted.filter(({ stage }) => stage === 'refresh');
  const inPlace = refreshes.toSorted((a, b) => placeOf(a) - placeOf(b)).values();
  return sorted.map((piece) =>
    piece.stage === 'refresh' ? (inPlace.next().value ?? piece) : piece,
  );
}

function compare(a: SchemaPiece, b: SchemaPiece): number {
  const keys = [keyOf(a), keyOf(b)] as const;
  return stages.indexOf(a.stage) - stages.indexOf(b.stage) || (keys[0] < keys[1] ? -1 : 1);
}

/** The statements are last, because an OID differs between databases. */
function keyOf({ schema, parent, name, kind, sql }: SchemaPiece): string {
  return JSON.stringify([schema, parent, name, kind, sql]);
}

function circle(pieces: readonly SchemaPiece[]): DbopsError {
  const names = pieces.map(
    ({ kind, schema, name }) => `${kind} ${schema ? `${schema}.` : ''}${name}`,
  );
  return new DbopsError({
    code: 'SCHEMA.CIRCLE',
    exitCode: exitCodes.failed,
    message:
      'These objects depend on one another in a circle, so no order of statements creates them.',
    reason: [...new Set(names)].toSorted().slice(0, 20),
    hint: 'Remove one of the dependencies, or leave an object out: ignore in dbops.config.ts.',
  });
}
