import type { SchemaPiece, Stage } from '../../ddl/writer/piece.ts';
import { parse, SqlSyntaxError } from '../../sql/statements.ts';
import { relationKey } from '../observation.ts';

/**
 * Returns the objects of a schema that statements can affect, with all that these need, in the order of their creation:
 * the objects that the text names, those that depend on them (as DROP and ALTER follow pg_depend), the parts of
 * their tables, and whole trees of partitions. Undefined when the text does not limit what the statements
 * affect, such as a DO block, a call of a function of the schema, or TRUNCATE, which follows foreign keys.
 *
 * @param pieces in the order of their creation; `needs` are ids of other pieces
 */
export async function concernedObjects(
  pieces: readonly SchemaPiece[],
  sql: string,
): Promise<SchemaPiece[] | undefined> {
  if (/u&["']/i.test(sql) || pieces.some(({ stage }) => stage === 'event trigger'))
    return undefined;
  const kinds = await statementKinds(sql);
  if (!kinds.every((kind) => confined.has(kind) || writing.has(kind))) return undefined;
  const named = pieces.filter(namedIn(sql.toLowerCase()));
  if (named.some(({ stage }) => routines.has(stage))) return undefined;
  const concerned = withSurroundings(pieces, named);
  const mayRunRoutine = kinds.some((kind) => writing.has(kind));
  if (mayRunRoutine && concerned.some(({ stage }) => firedByRows.has(stage))) return undefined;
  return concerned;
}

const routines = new Set<Stage>(['function', 'aggregate']);
const firedByRows = new Set<Stage>(['function', 'rule', 'trigger']);

/** Named by no statement that uses them: a new column finds a cast by its types, an operator class is one of an extension. */
const alwaysCopied = new Set<Stage>(['schema', 'extension', 'collation', 'cast', 'text search']);

/** The nodes of statements that affect the objects that they name, and what depends on these. */
const confined = new Set([
  'AlterDomainStmt',
  'AlterEnumStmt',
  'AlterSeqStmt',
  'AlterTableStmt',
  'CommentStmt',
  'CreateDomainStmt',
  'CreateEnumStmt',
  'CreatePolicyStmt',
  'CreateSeqStmt',
  'CreateStatsStmt',
  'CreateStmt',
  'DropStmt',
  'IndexStmt',
  'RenameStmt',
  'TransactionStmt',
  'VariableSetStmt',
  'ViewStmt',
]);

/** The nodes of statements that fire the triggers and rules of a table too. */
const writing = new Set(['DeleteStmt', 'InsertStmt', 'UpdateStmt']);

/** @returns the node of each statement; 'unknown' for syntax of a newer server */
async function statementKinds(sql: string): Promise<string[]> {
  try {
    return (await parse(sql)).map(({ stmt }) => Object.keys(stmt ?? {})[0] ?? 'unknown');
  } catch (error) {
    if (error instanceof SqlSyntaxError) return ['unknown'];
    throw error;
  }
}

/** @param text in lower case, so that more than the objects that are meant may match */
function namedIn(text: string): (piece: SchemaPiece) => boolean {
  const words = wordsOf(text);
  const unqualified = wordsOf(text.replaceAll(qualifier, ' '));
  return ({ stage, name: full }) => {
    const name = nameOf(full.toLowerCase());
    if (!/^[\p{L}\p{N}_$]+$/u.test(name)) return text.includes(name.replaceAll('"', '""'));
    return stage === 'schema' ? unqualified.has(name) : words.has(name);
  };
}

/** Returns the name in the signature of a routine, or in a name with its schema. */
function nameOf(text: string): string {
  const [name = ''] = text.split('(');
  return name.split('.').at(-1) ?? name;
}

/** A schema in front of the name of an object. */
const qualifier = /(?:"(?:[^"]|"")+"|[\p{L}\p{N}_$]+)\s*\.\s*/gu;

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.match(/[\p{L}\p{N}_$]+/gu));
}

function withSurroundings(
  pieces: readonly SchemaPiece[],
  named: readonly SchemaPiece[],
): SchemaPiece[] {
  const byId = new Map(pieces.map((piece) => [piece.id, piece]));
  const affected = closure(named, dependentsOf(pieces));
  const needed = (from: Iterable<SchemaPiece>) =>
    closure(from, ({ needs }) => needs.flatMap((id) => byId.get(id) ?? []));
  const copied = pieces.filter(({ stage }) => alwaysCopied.has(stage));
  let found = needed([...affected, ...copied]);
  for (let size = 0; size < found.size;) {
    size = found.size;
    const isPart = partOf(found, byId);
    found = needed([...found, ...pieces.filter(isPart)]);
  }
  return pieces.filter((piece) => found.has(piece));
}

function dependentsOf(
  pieces: readonly SchemaPiece[],
): (piece: SchemaPiece) => readonly SchemaPiece[] {
  const dependents = new Map<string, SchemaPiece[]>();
  for (const piece of pieces)
    for (const id of piece.needs) {
      const known = dependents.get(id);
      if (known) known.push(piece);
      else dependents.set(id, [piece]);
    }
  return ({ id }) => dependents.get(id) ?? [];
}

/**
 * Returns whether a piece is a part of tables that are copied, or joins one of them to a tree of partitions. A
 * trigger brings its function along; a foreign key does not bring the table that it references.
 */
function partOf(
  found: ReadonlySet<SchemaPiece>,
  byId: ReadonlyMap<string, SchemaPiece>,
): (piece: SchemaPiece) => boolean {
  const relations = new Set<string>();
  for (const { stage, schema, name } of found)
    if (stage === 'table' || stage === 'view') relations.add(relationKey({ schema, name }));
  const isFound = (id: string) => {
    const piece = byId.get(id);
    return piece !== undefined && found.has(piece);
  };
  return ({ stage, schema, parent, needs }) => {
    if (stage === 'inheritance') return needs.some(isFound);
    return partsOfTable.has(stage) && relations.has(relationKey({ schema, name: parent }));
  };
}

const partsOfTable = new Set<Stage>([
  'late column rule',
  'index',
  'late constraint',
  'rule',
  'trigger',
  'policy',
]);

function closure(
  from: Iterable<SchemaPiece>,
  next: (piece: SchemaPiece) => readonly SchemaPiece[],
): Set<SchemaPiece> {
  const found = new Set(from);
  for (const piece of found) for (const each of next(piece)) found.add(each);
  return found;
}
