import { quoteIdentifier, quoteLiteral } from '../../db/quote.ts';
import type { Session } from '../../db/session.ts';
import type { Difference } from '../../catalog/differences.ts';
import {
  inScratchTransaction,
  keyOfObject,
  readObjects,
  type ObjectIdentity,
} from '../../catalog/snapshot.ts';
import type { SchemaObject } from '../../catalog/kinds/kind.ts';

/**
 * Objects by which a shadow differed from the live database: a cheap test whether it still does.
 */
export class Probes {
  #live: ReadonlyMap<string, SchemaObject> = new Map();
  #liveRelations: ReadonlySet<string> = new Set();
  readonly #objects: ObjectIdentity[] = [];

  /**
   * The one in the middle: on the average half of what is still missing comes before it.
   *
   * @param live the objects of the database, as they were compared
   */
  learn(differences: readonly Difference[], live: readonly SchemaObject[]): void {
    this.#live = new Map(live.map((object) => [keyOfObject(object), object]));
    this.#liveRelations = new Set(live.flatMap((object) => relationsOf(object)));
    const extra = differences.filter(({ change }) => change === 'extra');
    const telling = extra.length > 0 ? extra : differences;
    const chosen = telling[telling.length >> 1];
    if (chosen) this.#objects.unshift(chosen.object);
  }

  /** Returns false when the shadow certainly differs from the live database. */
  async pass(shadow: Session): Promise<boolean> {
    if (!(await this.#hasSameRelations(shadow))) return false;
    for (const identity of this.#objects)
      if (!(await inScratchTransaction(shadow, () => this.#isSame(shadow, identity)))) return false;
    return true;
  }

  /** Looks up names only, because it runs once for every replayed file. */
  async #hasSameRelations(shadow: Session): Promise<boolean> {
    const names = [...new Set(this.#objects.flatMap(relationsOf))];
    if (names.length === 0) return true;
    const tests = names.map((name) => `to_regclass(${quoteLiteral(name)}) IS NOT NULL`);
    const [row] = await shadow.query<{ found: boolean[] }>(
      `SELECT ARRAY[${tests.join(', ')}] AS found`,
    );
    return names.every((name, at) => row?.found[at] === this.#liveRelations.has(name));
  }

  /** Expressions are left to the full comparison: two texts may mean the same. */
  async #isSame(shadow: Session, identity: ObjectIdentity): Promise<boolean> {
    const live = this.#live.get(keyOfObject(identity));
    const [found] = await readObjects(shadow, [identity]);
    return JSON.stringify(live?.properties) === JSON.stringify(found?.properties);
  }
}

const relationKinds = new Set(['table', 'foreign table', 'view', 'sequence']);

/** Returns names in pg_class: of the object, and of its parent. */
function relationsOf({ kind, schema, parent, name }: ObjectIdentity): string[] {
  const owner = parent && kind !== 'domain constraint' ? [parent] : [];
  return [...owner, ...(relationKinds.has(kind) ? [name] : [])].map(
    (relation) => `${quoteIdentifier(schema)}.${quoteIdentifier(relation)}`,
  );
}
