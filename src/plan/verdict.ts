import type { Node } from 'libpg-query';
import { parse } from '../sql/statements.ts';
import { CurrentTables } from './current-tables.ts';
import { estimateStatement } from './estimate.ts';
import type { DurationBand, LiveFacts } from './live-facts.ts';
import {
  blocksReads,
  blocksWrites,
  hasRows,
  isAtLeast,
  relationKey,
  type LockMode,
  type MigrationObservation,
  type ObservedRelation,
  type StatementObservation,
} from './observation.ts';
import { rules } from './rules/index.ts';
import type { Hazard } from './rules/rule.ts';

/**
 * `ok`: harmless at the size of the tables; `slow`: takes long, and reads and writes go on; `blocks`: reads
 * or writes wait longer than the limit since the transaction took its locks; `fails`: existing rows violate it; `unknown`: the size of a table is
 * not known.
 */
export type PlanVerdict = 'ok' | 'slow' | 'blocks' | 'fails' | 'unknown';

/** A table whose statements wait while a statement of a migration works. */
export interface BlockedTable {
  schema: string;
  name: string;
  mode: LockMode;
  /** Whether SELECT waits too. */
  reads: boolean;
  /** An earlier statement of the transaction took the lock. */
  isHeld: boolean;
}

export interface StatementVerdict {
  statement: StatementObservation;
  verdict: PlanVerdict;
  /** Of the statement; absent where the size of a table is not known. */
  duration?: DurationBand;
  /** Statements of these tables wait during `duration`. */
  blocked: BlockedTable[];
  /** Writes that wait at the end of the likely duration; absent where the rate was not measured. */
  writesQueued?: number;
  /** How existing rows violate it, one sentence each. */
  violations: string[];
  hazards: (Hazard & { code: string })[];
}

export interface MigrationVerdict {
  migration: string;
  file: string;
  statements: StatementVerdict[];
}

/** Limits of the configuration, in milliseconds. */
export interface DurationLimits {
  /** Reads or writes may wait this long. */
  maxBlocked: number;
  /** A statement that blocks nothing may take this long. */
  maxDuration: number;
}

export interface VerdictRequest {
  facts: LiveFacts | undefined;
  limits: DurationLimits;
  /** How existing rows violate a statement, by the statement. */
  violations: ReadonlyMap<StatementObservation, readonly string[]>;
}

/** Returns the verdict on each statement of migrations, in the order in which they run. */
export async function judgeMigrations(
  migrations: readonly MigrationObservation[],
  request: VerdictRequest,
): Promise<MigrationVerdict[]> {
  const tables = new CurrentTables(request.facts);
  const verdicts: MigrationVerdict[] = [];
  for (const each of migrations) verdicts.push(await judgeMigration(each, { ...request, tables }));
  return verdicts;
}

interface Judging extends VerdictRequest {
  tables: CurrentTables;
}

async function judgeMigration(
  { migration, file, statements, isAfterBackfill = false }: MigrationObservation,
  request: Judging,
): Promise<MigrationVerdict> {
  const nodes = await Promise.all(statements.map(({ sql }) => nodeOf(sql)));
  const parsed = statements.map((observation, at) => ({ observation, node: nodes[at] }));
  const waits = new WaitingTimes();
  const judged = parsed.map((each, at) => {
    const isNew = (relation: ObservedRelation) => request.tables.isNew(relation);
    const { facts } = request.tables;
    const input = { ...each, before: parsed.slice(0, at), facts, isNew, isAfterBackfill };
    const hazards = rules.flatMap(({ name, find }) =>
      find(input).map((hazard) => ({ ...hazard, code: name })),
    );
    const verdict = judgeStatement(each.observation, waits, request);
    request.tables.run(each.observation, each.node);
    return { ...verdict, hazards };
  });
  return { migration, file, statements: judged };
}

async function nodeOf(sql: string): Promise<Node | undefined> {
  const statements = await parse(sql).catch(() => []);
  return statements[0]?.stmt;
}

/** How long the statements of each table have been waiting in the transaction, in likely milliseconds. */
class WaitingTimes {
  #transaction = -1;
  readonly #times = new Map<string, number>();

  /** Adds a statement, and returns the longest time of its tables. */
  add(transaction: number, blocked: readonly BlockedTable[], milliseconds: number): number {
    if (transaction !== this.#transaction) this.#times.clear();
    this.#transaction = transaction;
    const times = blocked.map((table) => {
      const key = relationKey(table);
      const time = (this.#times.get(key) ?? 0) + milliseconds;
      this.#times.set(key, time);
      return time;
    });
    return Math.max(0, ...times);
  }
}

function judgeStatement(
  statement: StatementObservation,
  waits: WaitingTimes,
  { tables, limits, violations }: Judging,
): Omit<StatementVerdict, 'hazards'> {
  const { facts } = tables;
  const blocked = blockedBy(statement);
  const isNew = (relation: ObservedRelation) => tables.isEmpty(relation);
  const duration = facts
    ? estimateStatement(statement, facts, { isNew })
    : durationWithoutFacts(statement);
  const found = [...(violations.get(statement) ?? [])];
  const waited = waits.add(statement.transaction, blocked, duration?.likely ?? 0);
  const queued = duration && facts && writesDuring(duration, blocked, facts);
  return {
    statement,
    verdict: found.length > 0 ? 'fails' : verdictOf(duration, waited, limits),
    ...(duration && { duration }),
    blocked,
    ...(queued !== undefined && { writesQueued: queued }),
    violations: found,
  };
}

const nothing: DurationBand = { low: 0, likely: 0, high: 0 };

/** Without sizes, only what reads and writes no rows is known to be short. */
function durationWithoutFacts({
  rewrites,
  scans,
  builds,
}: StatementObservation): DurationBand | undefined {
  return rewrites.length + scans.length + builds.length === 0 ? nothing : undefined;
}

function verdictOf(
  duration: DurationBand | undefined,
  waited: number,
  { maxBlocked, maxDuration }: DurationLimits,
): PlanVerdict {
  if (!duration) return 'unknown';
  // Of the statements of a transaction, those with a part in the time are named.
  if (waited >= maxBlocked && duration.likely >= maxBlocked / 10) return 'blocks';
  return duration.likely >= maxDuration ? 'slow' : 'ok';
}

/** Returns the tables whose reads or writes wait while a statement works. */
function blockedBy({ locks, heldBefore, dropped }: StatementObservation): BlockedTable[] {
  const tables = new Map<string, BlockedTable>();
  const add = (relation: ObservedRelation, mode: LockMode, isHeld: boolean) => {
    const table = tableOf(relation, mode);
    if (!table || !blocksWrites(mode) || dropped.includes(relation)) return;
    const key = relationKey(table);
    const known = tables.get(key);
    if (known && isAtLeast(known.mode, mode)) return;
    const { schema, name } = table;
    tables.set(key, { schema, name, mode, reads: blocksReads(mode), isHeld });
  };
  for (const { relation, mode } of heldBefore) add(relation, mode, true);
  for (const { relation, mode } of locks) add(relation, mode, false);
  return [...tables.values()];
}

/** Every query on a table opens all of its indexes: it waits for an index too. No statement writes to a materialized view. */
function tableOf(
  relation: ObservedRelation,
  mode: LockMode,
): Pick<ObservedRelation, 'schema' | 'name'> | undefined {
  if (relation.kind === 'index') return mode === 'ACCESS EXCLUSIVE' ? relation.table : undefined;
  if (relation.kind === 'materialized view' && !blocksReads(mode)) return undefined;
  return hasRows(relation) || relation.kind === 'view' ? relation : undefined;
}

function writesDuring(
  { likely }: DurationBand,
  blocked: readonly BlockedTable[],
  { tables }: LiveFacts,
): number | undefined {
  const rates = blocked.flatMap(({ schema, name }) => {
    const table = tables.find((each) => each.schema === schema && each.name === name);
    return table?.writesPerSecond ?? [];
  });
  if (rates.length === 0) return undefined;
  return Math.round((rates.reduce((sum, rate) => sum + rate, 0) * likely) / 1_000);
}
