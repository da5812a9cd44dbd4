import {
  hasRows,
  isAtLeast,
  lockModes,
  relationKey,
  type IndexBuild,
  type LockMode,
  type ObservedRelation,
  type RelationLock,
  type StatementObservation,
  type TableScan,
} from '../observation.ts';
import type { Notices } from './notices.ts';
import type { LockedRelation, RelationState } from './relations.ts';

/** A statement of a migration. */
export interface Observed {
  sql: string;
  /** 1-based line of the file; absent for a module. */
  line?: number;
  /** INSERT, UPDATE, DELETE or MERGE. */
  isWrite: boolean;
}

/** A lock that the server manual gives a statement, on a table by its name in the statement. */
export interface KnownLock {
  table: { schema?: string; name: string };
  mode: LockMode;
}

/** The tables of a foreign key, by OID. */
export interface ForeignKeyTables {
  referencing: number;
  referenced: number;
}

/** What the server shows after a statement. */
export interface StatementEvidence {
  /** Every lock that the transaction holds. */
  locked: readonly LockedRelation[];
  notices: Notices;
  /** The foreign keys that `notices` names. */
  foreignKeys: readonly ForeignKeyTables[];
}

type Relations = ReadonlyMap<number, RelationState>;
interface Change {
  before: RelationState;
  after: RelationState;
}

/** One transaction of a migration: what it holds, and what it has changed. */
export class Transaction {
  readonly number: number;
  /** The relations as the transaction has them now, by OID. */
  readonly relations: Map<number, RelationState>;
  readonly #created = new Set<number>();
  readonly #before: Relations;
  #held = new Map<number, LockedRelation>();
  /** Whether an earlier statement read rows, which it may have written into a new table. */
  #hasReadRows = false;

  constructor(before: Relations, number: number) {
    this.relations = new Map(before);
    this.#before = before;
    this.number = number;
  }

  /** Every lock that the transaction held after its last statement. */
  get locked(): readonly LockedRelation[] {
    return [...this.#held.values()];
  }

  /** Returns the relations of the database after the transaction was rolled back. */
  rolledBack(): Relations {
    return this.#before;
  }

  /** Returns what a statement did: the evidence after it, compared with that before it. */
  record(statement: Observed, evidence: StatementEvidence): StatementObservation {
    const { locked, notices } = evidence;
    const held = this.#held;
    const created = locked.flatMap(({ oid, state }) =>
      state && !this.relations.has(oid) ? state : [],
    );
    for (const { oid } of created) this.#created.add(oid);
    const old = locked.filter((each) => this.#isOld(each));
    const scanned = new Set(
      old.flatMap(({ oid, scans }) => {
        const earlier = held.get(oid)?.scans ?? 0;
        return scans > earlier ? oid : [];
      }),
    );
    const contents = contentsOf(this.#changesOf(old), notices, statement.sql);
    const writes = old.filter((each) => writesRows(each, held.get(each.oid), statement, scanned));
    const observation: StatementObservation = {
      sql: statement.sql,
      ...(statement.line !== undefined && { line: statement.line }),
      transaction: this.number,
      locks: this.#locksOf(old.filter((each) => isStronger(each, held.get(each.oid)))),
      heldBefore: this.#locksOf([...held.values()].filter((each) => this.#isOld(each))),
      ...contents,
      scans: this.#scansOf(evidence, { scanned, writes, statement }),
      builds: this.#buildsOf(notices, old, contents.truncates),
      writes: this.#named(writes),
      created: created.map(({ relation }) => relation),
      dropped: this.#named(old.filter(({ state }) => !state)),
      ...renamesOf(locked.flatMap(({ oid, state }) => changeOf(this.relations.get(oid), state))),
      cascades: notices.cascades,
      waitsForTransactions: false,
    };
    this.#remember(locked);
    this.#hasReadRows ||= observation.scans.length > 0;
    return observation;
  }

  #isOld({ oid }: LockedRelation): boolean {
    return this.relations.has(oid) && !this.#created.has(oid);
  }

  #named(locked: readonly LockedRelation[]): ObservedRelation[] {
    return locked.flatMap(({ oid }) => this.relations.get(oid)?.relation ?? []);
  }

  #locksOf(locked: readonly LockedRelation[]): RelationLock[] {
    return locked.flatMap(({ oid, modes }) => {
      const relation = this.relations.get(oid)?.relation;
      const mode = strongest(modes);
      return relation && mode !== 'ACCESS SHARE' ? { relation, mode } : [];
    });
  }

  #changesOf(locked: readonly LockedRelation[]): Change[] {
    return locked.flatMap(({ oid, state: after }) => {
      const before = this.relations.get(oid);
      return before && after && isAnotherFile(before, after) ? { before, after } : [];
    });
  }

  /** Messages have unqualified names: of the tables with such a name, those that are locked are meant. */
  #scansOf(
    { locked, notices, foreignKeys }: StatementEvidence,
    { scanned, writes, statement }: Reading,
  ): TableScan[] {
    const old = locked.filter((each) => this.#isOld(each));
    const checked = this.#named(old).filter(
      (relation) => hasRows(relation) && notices.verified.includes(relation.name),
    );
    // A new table without rows refers to none.
    const keys = foreignKeys.flatMap(({ referencing, referenced }) =>
      this.#created.has(referencing) && !this.#hasReadRows ? [] : [referencing, referenced],
    );
    const ofKeys = this.#named(old.filter(({ oid }) => keys.includes(oid)));
    const rest = old.filter(
      ({ oid, state }) =>
        scanned.has(oid) && !keys.includes(oid) && state && hasRows(state.relation),
    );
    const isNamed = (relation: ObservedRelation) =>
      checked.includes(relation) ||
      notices.rewritten.includes(relation.name) ||
      notices.builds.some(({ table }) => table === relation.name);
    const others = rest.flatMap((each) =>
      this.#named([each]).flatMap((relation): TableScan[] => {
        if (isNamed(relation)) return [];
        if (writes.includes(each)) return [{ relation, reason: 'write' }];
        const isDomain = /^\s*alter\s+domain\b/i.test(statement.sql);
        return [{ relation, reason: isDomain ? 'domain' : 'query' }];
      }),
    );
    return [
      ...checked.map((relation) => ({ relation, reason: 'check' as const })),
      ...ofKeys.map((relation) => ({ relation, reason: 'foreign key' as const })),
      ...others,
    ];
  }

  /** Indexes of tables that TRUNCATE emptied are built too, of no rows. */
  #buildsOf(
    { builds }: Notices,
    old: readonly LockedRelation[],
    emptied: readonly ObservedRelation[],
  ): IndexBuild[] {
    const tables = this.#named(old).filter((each) => hasRows(each) && !emptied.includes(each));
    return buildsOn(tables, builds);
  }

  #remember(locked: readonly LockedRelation[]): void {
    this.#held = new Map(locked.map((each) => [each.oid, each]));
    for (const { oid, state } of locked)
      if (state) this.relations.set(oid, state);
      else this.relations.delete(oid);
  }
}

interface Reading {
  /** Tables that the statement scanned, by OID. */
  scanned: ReadonlySet<number>;
  writes: readonly LockedRelation[];
  statement: Observed;
}

/** Returns the tables whose rows are copied, and those that are emptied. */
function contentsOf(
  changes: readonly Change[],
  { rewritten }: Notices,
  sql: string,
): Pick<StatementObservation, 'rewrites' | 'truncates'> {
  const heaps = changes.filter(({ before }) => hasRows(before.relation));
  // TRUNCATE gives a table a new file as well. CLUSTER copies the rows, and the server reports neither.
  const isEmptied = ({ before, after }: Change) =>
    /\btruncate\b/i.test(sql) &&
    before.tablespace === after.tablespace &&
    before.relation.kind !== 'materialized view' &&
    !rewritten.includes(before.relation.name);
  const relationOf = ({ before }: Change) => before.relation;
  return {
    rewrites: heaps.filter((each) => !isEmptied(each)).map(relationOf),
    truncates: heaps.filter(isEmptied).map(relationOf),
  };
}

/** Returns the observation of a statement whose locks ended with it. */
export function recordAlone(
  { sql, line }: Observed,
  {
    before,
    after,
    notices,
    locks,
  }: { before: Relations; after: Relations; notices: Notices; locks: readonly KnownLock[] },
): Omit<StatementObservation, 'transaction' | 'waitsForTransactions'> {
  const changes = [...before.values()].flatMap((old) => {
    const now = after.get(old.oid);
    return now && isAnotherFile(old, now) ? { before: old, after: now } : [];
  });
  const relations = [...before.values()].map(({ relation }) => relation);
  const isTable = ({ schema, name }: ObservedRelation, table: KnownLock['table']) =>
    name === table.name && (table.schema === undefined || schema === table.schema);
  return {
    sql,
    ...(line !== undefined && { line }),
    locks: locks.flatMap(({ table, mode }) =>
      relations.filter((each) => isTable(each, table)).map((relation) => ({ relation, mode })),
    ),
    heldBefore: [],
    ...contentsOf(changes, notices, sql),
    scans: [],
    builds: buildsOn(relations.filter(hasRows), notices.builds),
    writes: [],
    created: [...after.values()].flatMap(({ oid, relation }) => (before.has(oid) ? [] : relation)),
    dropped: [...before.values()].flatMap(({ oid, relation }) => (after.has(oid) ? [] : relation)),
    ...renamesOf([...before.values()].flatMap((old) => changeOf(old, after.get(old.oid)))),
    cascades: notices.cascades,
  };
}

function buildsOn(tables: readonly ObservedRelation[], builds: Notices['builds']): IndexBuild[] {
  return builds.flatMap(({ index, table }) =>
    tables.filter(({ name }) => name === table).map((relation) => ({ index, relation })),
  );
}

function changeOf(before: RelationState | undefined, after: RelationState | undefined): Change[] {
  return before && after ? [{ before, after }] : [];
}

function renamesOf(changes: readonly Change[]): Pick<StatementObservation, 'renamed'> {
  const renamed = changes
    .filter(({ before, after }) => relationKey(before.relation) !== relationKey(after.relation))
    .map(({ before, after }) => ({ from: before.relation, to: after.relation }));
  return renamed.length > 0 ? { renamed } : {};
}

function isAnotherFile(one: RelationState, other: RelationState): boolean {
  return one.file !== other.file || one.tablespace !== other.tablespace;
}

function isStronger({ modes }: LockedRelation, held: LockedRelation | undefined): boolean {
  return !held || !isAtLeast(strongest(held.modes), strongest(modes));
}

/** Every statement that may write takes ROW EXCLUSIVE; of a later one, the scan shows it. */
function writesRows(
  { oid, modes, state }: LockedRelation,
  held: LockedRelation | undefined,
  { isWrite }: Observed,
  scanned: ReadonlySet<number>,
): boolean {
  if (!state || !hasRows(state.relation) || !modes.has('ROW EXCLUSIVE')) return false;
  return !held?.modes.has('ROW EXCLUSIVE') || (isWrite && scanned.has(oid));
}

function strongest(modes: ReadonlySet<LockMode>): LockMode {
  return lockModes.findLast((mode) => modes.has(mode)) ?? 'ACCESS SHARE';
}
