import type { Node, RangeVar } from 'libpg-query';
import type { LiveFacts, TableSizes } from './live-facts.ts';
import { relationKey, type ObservedRelation, type StatementObservation } from './observation.ts';

/**
 * The sizes of tables while pending migrations run: a table that they create has no rows until a query fills it, and a
 * table that they rename keeps its size.
 */
export class CurrentTables {
  #facts: LiveFacts | undefined;
  /** The relations that the migrations have created, by `relationKey`. */
  readonly #created = new Map<string, { name: string; isFilled: boolean }>();

  constructor(facts: LiveFacts | undefined) {
    this.#facts = facts;
  }

  /** Absent when no sizes are known. */
  get facts(): LiveFacts | undefined {
    return this.#facts;
  }

  /** Returns whether the migrations have created the relation, so that the application does not use it. */
  isNew(relation: ObservedRelation): boolean {
    return this.#created.has(relationKey(relation));
  }

  /** Returns whether the migrations have created the relation, and no query has filled it. */
  isEmpty(relation: ObservedRelation): boolean {
    return this.#created.get(relationKey(relation))?.isFilled === false;
  }

  /** Changes the sizes as a statement does. @param node its parse tree; absent where it cannot be parsed */
  run({ created, dropped, renamed = [] }: StatementObservation, node: Node | undefined): void {
    const gone = new Set([...dropped, ...created].map(relationKey));
    this.#setTables((tables) => tables.filter((table) => !gone.has(relationKey(table))));
    for (const key of gone) this.#created.delete(key);
    for (const relation of created)
      this.#created.set(relationKey(relation), { name: relation.name, isFilled: false });
    for (const { from, to } of renamed) this.#rename(from, to);
    const filled = node && this.#find(filledBy(node));
    if (filled) filled.isFilled = true;
  }

  #setTables(change: (tables: TableSizes[]) => TableSizes[]): void {
    if (this.#facts) this.#facts = { ...this.#facts, tables: change(this.#facts.tables) };
  }

  #rename(from: ObservedRelation, to: ObservedRelation): void {
    const created = this.#created.get(relationKey(from));
    this.#created.delete(relationKey(from));
    if (created) this.#created.set(relationKey(to), { ...created, name: to.name });
    const isFrom = (each: { schema: string; name: string } | undefined) =>
      each !== undefined && relationKey(each) === relationKey(from);
    const name = { schema: to.schema, name: to.name };
    this.#setTables((tables) =>
      tables.map((table) => ({
        ...table,
        ...(isFrom(table) && name),
        ...(isFrom(table.partitionOf) && { partitionOf: name }),
        indexes: table.indexes.map((index) =>
          isFrom({ schema: table.schema, name: index.name }) ? { ...index, name: to.name } : index,
        ),
      })),
    );
  }

  /** A name without a schema is that of a new table in any schema. */
  #find({ schemaname, relname = '' }: Pick<RangeVar, 'schemaname' | 'relname'> = {}) {
    if (schemaname !== undefined)
      return this.#created.get(relationKey({ schema: schemaname, name: relname }));
    return [...this.#created.values()].find(({ name }) => name === relname);
  }
}

/** Returns the table into which a statement writes the rows of a query. */
function filledBy(node: Node): RangeVar | undefined {
  if ('CreateTableAsStmt' in node) return node.CreateTableAsStmt.into?.rel;
  if ('SelectStmt' in node) return node.SelectStmt.intoClause?.rel;
  if (!('InsertStmt' in node)) return undefined;
  const { relation, selectStmt } = node.InsertStmt;
  const reads = selectStmt !== undefined && JSON.stringify(selectStmt).includes('"fromClause"');
  return reads ? relation : undefined;
}
