import type { Node, RangeVar } from 'libpg-query';
import type { LiveFacts, TableSizes } from './live-facts.ts';
import { relationKey, type ObservedRelation, type StatementObservation } from './observation.ts';

/**
 * The sizes of tables while pending migrations run: a table that they create has no rows until a query fills it, and a
 * table that they rename keeps its size.
 */
export class CurrentTables {
  #facts: LiveFacts | undefined;
  readonly #created = new Set<string>();
  readonly #filled = new Set<string>();

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
    return this.isNew(relation) && !this.#filled.has(relationKey(relation));
  }

  /** Changes the sizes as a statement does. @param node its parse tree; absent where it cannot be parsed */
  run({ created, dropped, renamed = [] }: StatementObservation, node: Node | undefined): void {
    const gone = new Set([...dropped, ...created].map(relationKey));
    this.#setTables((tables) => tables.filter((table) => !gone.has(relationKey(table))));
    for (const key of gone) for (const keys of [this.#created, this.#filled]) keys.delete(key);
    for (const relation of created) this.#created.add(relationKey(relation));
    for (const { from, to } of renamed) this.#rename(from, to);
    const filled = node && filledBy(node);
    if (filled) this.#filled.add(this.#keyOf(filled));
  }

  #setTables(change: (tables: TableSizes[]) => TableSizes[]): void {
    if (this.#facts) this.#facts = { ...this.#facts, tables: change(this.#facts.tables) };
  }

  #rename(from: ObservedRelation, to: ObservedRelation): void {
    for (const keys of [this.#created, this.#filled])
      if (keys.delete(relationKey(from))) keys.add(relationKey(to));
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
  #keyOf({ schemaname, relname = '' }: RangeVar): string {
    if (schemaname !== undefined) return relationKey({ schema: schemaname, name: relname });
    const keys = [...this.#created];
    return keys.find((key) => key.endsWith(`,${JSON.stringify(relname)}]`)) ?? '';
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
