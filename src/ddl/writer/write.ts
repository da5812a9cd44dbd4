import { common } from '../../catalog/kinds/kind.ts';
import { keyOfObject } from '../../catalog/snapshot.ts';
import type { Session } from '../../db/session.ts';
import { attachmentPieces } from './attachments.ts';
import { inOrder, type Dependency } from './order.ts';
import type { SchemaPiece } from './piece.ts';
import { relationPieces } from './relations.ts';
import { routinePieces } from './routines.ts';
import { selectTables, type TableRow } from './table-rows.ts';
import { draftTable, statementsOf } from './tables.ts';
import { typePieces } from './types.ts';

/** The statements that create a schema, in order, without semicolons. */
export interface WrittenSchema {
  statements: string[];
  /** The objects of the statements, in the same order; `needs` are ids of these objects. */
  pieces: SchemaPiece[];
  /** The keys of the objects that the statements create; parts of a table are not listed. */
  written: ReadonlySet<string>;
}

const selects = [...typePieces, ...routinePieces, ...relationPieces, ...attachmentPieces];

/** Objects of the server have smaller OIDs. What a publication lists is part of it. */
const dependencies = `SELECT json_agg(json_build_object('from', classid || '.' || objid, 'to', refclassid || '.' || refobjid, 'type', deptype))
  FROM (SELECT DISTINCT classid, objid, refclassid, refobjid, deptype FROM pg_depend
    WHERE objid >= 16384 AND refobjid >= 16384 
      AND classid NOT IN ('pg_publication_rel'::regclass, 'pg_publication_namespace'::regclass)) d`;

/** Which objects are written. */
export interface KeptObjects {
  /** Whether an object is written, by its `keyOfObject`; the kind of an absent schema is `no schema`. */
  isKept: (key: string) => boolean;
  /** Keys of objects that a new database has, so that nothing writes them. */
  provided?: ReadonlySet<string>;
}

/**
 * Writes the objects of a database as SQL, in the caller's transaction under `fixedSettings`. The
 * statements are the same for the same objects, whatever their OIDs and the order of their creation. An
 * extension that a kept object needs is written too, with its schema.
 *
 * @throws DbopsError when objects depend on one another in a circle
 */
export async function writeSchema(session: Session, choice: KeptObjects): Promise<WrittenSchema> {
  const [row] = await session.query<{
    pieces: SchemaPiece[] | null;
    tables: TableRow[] | null;
    dependencies: Dependency[] | null;
  }>(
    `WITH ${common} SELECT (SELECT json_agg(p) FROM (${selects.join('\nUNION ALL ')}) p) AS pieces,
       (${selectTables}) AS tables, (${dependencies}) AS dependencies`,
  );
  const tables = (row?.tables ?? []).map((table) => ({
    table,
    draft: draftTable(table, choice.isKept),
  }));
  const drafts = tables.map(({ draft }) => draft);
  const order = inOrder(row?.pieces ?? [], drafts, row?.dependencies ?? []);
  for (const { table, draft } of tables) draft.piece.sql = statementsOf(table, draft);
  const kept = keptOf(order, choice);
  return {
    statements: statementsOfPieces(kept),
    pieces: kept.map((piece) => ({ ...piece, needs: [...(order.needs.get(piece.id) ?? [])] })),
    written: new Set(kept.map(keyOfPiece)),
  };
}

/** Returns the statements that create objects, in their order, without semicolons. */
export function statementsOfPieces(pieces: readonly SchemaPiece[]): string[] {
  return pieces.flatMap(({ sql }) => sql.map((text) => text.trimEnd()));
}

function keyOfPiece({ kind, schema, parent, name }: SchemaPiece): string {
  return keyOfObject({ kind, schema, parent, name });
}

/** Comments and privileges are kept with their object. */
function keptOf(
  { pieces, needs, resolve }: ReturnType<typeof inOrder>,
  { isKept, provided = new Set() }: KeptObjects,
): SchemaPiece[] {
  const kept = new Set<string>();
  for (const piece of pieces)
    if (piece.kind !== '' && isKept(keyOfPiece(piece))) kept.add(piece.id);
  // In reverse order, so that the schema of an extension is kept too.
  for (const piece of pieces.toReversed()) {
    const mayBeNeeded = piece.stage === 'extension' || piece.stage === 'schema';
    if (!mayBeNeeded || provided.has(keyOfPiece(piece))) continue;
    if (pieces.some(({ id }) => kept.has(id) && needs.get(id)?.has(piece.id))) kept.add(piece.id);
  }
  for (const {
    kind,
    id,
    needs: [target = ''],
  } of pieces)
    if (kind === '' && kept.has(resolve(target) ?? '')) kept.add(id);
  return pieces.filter(({ id }) => kept.has(id));
}
