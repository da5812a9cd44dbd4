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

/** Objects in which a shadow and the live database differed: a cheap test whether they still differ. */
export class Probes {
  readonly #live: ReadonlyMap<string, SchemaObject>;
  readonly #liveRelations: ReadonlySet<string>;
  readonly #objects: ObjectIdentity[] = [];

  constructor(live: readonly SchemaObject[]) {
    this.#live = new Map(live.map((object) => [keyOfObject(object), object]));
    this.#liveRelations = new Set(live.flatMap((object) => relationsOf(object)));
  }

  /** Adds the middle difference: on average, half of the missing objects are created before it. */
  learn(differences: readonly Difference[]): void {
    const extra = differences.filter(({ change }) => change === 'extra');
    const telling = extra.length > 0 ? extra : differences;
    const chosen = telling[telling.length >> 1];
    if (chosen) this.#objects.unshift(chosen.object);
  }

  /** False when the shadow can't be what the live database is. */
  async pass(shadow: Session): Promise<boolean> {
    if (!(await this.#hasSameRelations(shadow))) return false;
    for (const identity of this.#objects)
      if (!(await inScratchTransaction(shadow, () => this.#isSame(shadow, identity)))) return false;
    return true;
  }

  /** Looks up names only: a replay of a thousand files asks a thousand times. */
  async #hasSameRelations(shadow: Session): Promise<boolean> {
    const names = [...new Set(this.#objects.flatMap(relationsOf))];
    if (names.length === 0) return true;
    const tests = names.map((name) => `to_regclass(${quoteLiteral(name)}) IS NOT NULL`);
    const [row] = await shadow.query<{ found: boolean[] }>(
      `SELECT ARRAY[${tests.join(', ')}] AS found`,
    );
    return names.every((name, at) => row?.found[at] === this.#liveRelations.has(name));
  }

  /** Texts are left to the complete comparison: two spellings may mean the same. */
  async #isSame(shadow: Session, identity: ObjectIdentity): Promise<boolean> {
    const live = this.#live.get(keyOfObject(identity));
    const [found] = await readObjects(shadow, [identity]);
    return JSON.stringify(live?.properties) === JSON.stringify(found?.properties);
  }
}

const relationKinds = new Set(['table', 'foreign table', 'view', 'sequence']);

/** Names in pg_class: of the object itself, and of what it is a part of. */
function relationsOf({ kind, schema, parent, name }: ObjectIdentity): string[] {
  const owner = parent && kind !== 'domain constraint' ? [parent] : [];
  return [...owner, ...(relationKinds.has(kind) ? [name] : [])].map(
    (relation) => `${quoteIdentifier(schema)}.${quoteIdentifier(relation)}`,
  );
}
