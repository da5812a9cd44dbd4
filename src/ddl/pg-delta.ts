import { messageOf } from '../errors.ts';
import { extract } from '@supabase/pg-delta/extract';
import { plan, type Action } from '@supabase/pg-delta/plan';
import {
  buildFactBase,
  encodeId,
  type DependencyEdge,
  type Fact,
  type FactBase,
} from '@supabase/pg-delta/core';
import { types, type QueryResult } from 'pg';
import type { Columns, ColumnState, Draft } from './statement.ts';
import { quoteIdentifier as q, quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';

/**
 * The catalog as the planner reads it. Nothing but this file knows the planner:
 * `@supabase/pg-delta`, whose alpha is pinned to one exact version.
 */
export interface PlannerCatalog {
  base: FactBase;
  /** Who made the objects: as whom the plan will run, so that it names no owner. */
  owner: string;
}

/** What a live database holds beside the application's objects. */
export interface Foreign {
  /** Schemas that a shadow has already or never needs. */
  schemas: readonly string[];
  /** Tracking tables of migration tools, as `schema.table`. */
  tables: readonly string[];
}

/** Reads the catalog, in the caller's transaction where there is one. */
export async function readPlannerCatalog(session: Session): Promise<PlannerCatalog> {
  const [row] = await session.query<{ owner: string }>('SELECT current_user AS owner');
  const { factBase } = await extract(poolOf(session) as never);
  const owner = row?.owner ?? '';
  return { base: asOwner(factBase, owner), owner };
}

/**
 * What an owner may do follows from being the owner, and differs between versions; who the owner is
 * differs between databases.
 */
function asOwner(base: FactBase, owner: string): FactBase {
  const facts = base.facts().filter(({ id }) => id.kind !== 'acl' || id.grantee !== owner);
  const edges = base.edges.filter(
    ({ kind, to }) => kind !== 'owner' || to.kind !== 'role' || to.name !== owner,
  );
  return buildFactBase(facts, edges);
}

/**
 * DDL from one catalog to the other, in an order in which it can run.
 *
 * @param rebuild enum types that get labels are made anew: a label that was added can't be used in
 *   the same transaction (server manual, "ALTER TYPE")
 * @throws Unplannable where the planner knows no way
 */
export function planDdl(
  from: PlannerCatalog,
  to: PlannerCatalog,
  { rebuild }: { rebuild: boolean },
): Draft[] {
  const source = rebuild ? withForeignLabels(from.base, to.base) : from.base;
  try {
    const { actions } = plan(source, to.base, {
      scope: 'database',
      assumedRoles: [...rolesOf(from.base), ...rolesOf(to.base)],
    });
    return actions.map(({ sql, lockClass, rewriteRisk, ...ids }) => ({
      places: placesOf(ids),
      sql: sql.replace(/\s*;\s*$/, ''),
      lock: lockClass === 'none' && sql.startsWith('ALTER TABLE ') ? 'accessExclusive' : lockClass,
      rewrites: rewriteRisk,
    }));
  } catch (error) {
    throw new UnplannableError(error);
  }
}

/** Roles are the server's, and not planned. */
export function rolesOf(base: FactBase): string[] {
  return base.facts().flatMap(({ id }) => (id.kind === 'role' ? [id.name] : []));
}

/**
 * The facts of a live database that a shadow is to have: without what is foreign there, of which
 * the shadow keeps its own.
 */
export function withoutForeign(
  live: PlannerCatalog,
  shadow: PlannerCatalog,
  foreign: Foreign,
): PlannerCatalog {
  const isKept = (fact: Fact) => !isForeign(fact.id, foreign);
  const own = shadow.base.facts().filter((fact) => !isKept(fact) || fact.id.kind === 'role');
  const taken = live.base.facts().filter((fact) => isKept(fact) && fact.id.kind !== 'role');
  const edges = [...live.base.edges, ...shadow.base.edges];
  return { base: buildFactBase([...own, ...taken], unique(edges)), owner: live.owner };
}

function isForeign(id: Fact['id'], foreign: Foreign): boolean {
  if ('target' in id) return isForeign(id.target, foreign);
  const schema = id.kind === 'schema' ? id.name : 'schema' in id ? id.schema : undefined;
  if (schema === null || schema === undefined) return false;
  if (/^dbops(?:_|$)/.test(schema) || foreign.schemas.includes(schema)) return true;
  const table = 'table' in id ? id.table : 'name' in id ? id.name : '';
  return id.kind !== 'schema' && foreign.tables.includes(`${schema}.${table}`);
}

function unique(edges: DependencyEdge[]): DependencyEdge[] {
  const keyOf = ({ from, to, kind }: DependencyEdge) =>
    JSON.stringify([encodeId(from), encodeId(to), kind]);
  return [...new Map(edges.map((edge) => [keyOf(edge), edge])).values()];
}

function placesOf({
  produces,
  destroys,
  consumes,
}: Pick<Action, 'produces' | 'destroys' | 'consumes'>): Draft['places'] {
  const made = [...produces, ...destroys];
  const [first, ...rest] = consumes;
  const subjects = made.length > 0 ? made : first ? [first] : [];
  const others = made.length > 0 ? consumes : rest;
  return { subjects: subjects.map(placeOf), others: others.map(placeOf) };
}

/** Schema, table and name of an object, as `repairs.ts` has them of its own. */
function placeOf(id: Fact['id']): string {
  if ('target' in id) return placeOf(id.target);
  const name = 'args' in id ? `${id.name}(${id.args.join(', ')})` : 'name' in id ? id.name : '';
  const schema = 'schema' in id ? (id.schema ?? '') : '';
  return JSON.stringify([schema, 'table' in id ? id.table : '', name]);
}

/** There is no way from one catalog to the other that the planner knows. */
export class UnplannableError extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
  }
}

/** A name for the facts by what they say. */
export function contentOf({ base }: PlannerCatalog): string {
  return base.rootHash;
}

/** The columns of all tables. */
export function columnsOf({ base }: PlannerCatalog): Columns {
  return new Map(
    base.facts().flatMap(({ id, payload }): [string, ColumnState][] => {
      if (id.kind !== 'column') return [];
      return [
        [columnKey(id), { type: String(payload['type']), notNull: payload['notNull'] === true }],
      ];
    }),
  );
}

/**
 * Foreign keys of or to a column that are in both catalogs, which a change of its type would break
 * half-way: SQL to drop and to make each.
 */
export function foreignKeysOver(
  { from, to }: { from: PlannerCatalog; to: PlannerCatalog },
  columns: ReadonlySet<string>,
): { drop: string; make: string[] }[] {
  return from.base.facts().flatMap(({ id, payload }) => {
    if (id.kind !== 'constraint' || !String(payload['def']).startsWith('FOREIGN KEY')) return [];
    const target = to.base.get(id);
    const isOver = from.base
      .outgoingEdges(id)
      .some(({ to: other }) => other.kind === 'column' && columns.has(columnKey(other)));
    if (!target || !isOver) return [];
    const table = `ALTER TABLE ${q(id.schema)}.${q(id.table)}`;
    const comment = to.base.get({ kind: 'comment', target: id });
    const text = quoteLiteral(String(comment?.payload['text'] ?? ''));
    const on = `${q(id.name)} ON ${q(id.schema)}.${q(id.table)}`;
    return {
      drop: `${table} DROP CONSTRAINT ${q(id.name)}`,
      make: [
        `${table} ADD CONSTRAINT ${q(id.name)} ${String(target.payload['def'])}`,
        ...(comment ? [`COMMENT ON CONSTRAINT ${on} IS ${text}`] : []),
      ],
    };
  });
}

function columnKey({ schema, table, name }: { schema: string; table: string; name: string }) {
  return `${q(schema)}.${q(table)}.${q(name)}`;
}

/** Who may do what, by the object and the role: for comparing, not for reading. */
export function grantsOf({ base }: PlannerCatalog): ReadonlyMap<string, string> {
  const grants = base
    .facts()
    .filter(({ id }) => id.kind === 'acl' || id.kind === 'defaultPrivilege');
  return new Map(grants.map((fact) => [encodeId(fact.id), base.hashOf(fact.id)]));
}

/** A label that nobody has, in each enum that gets some: the planner rebuilds what loses labels. */
function withForeignLabels(from: FactBase, to: FactBase): FactBase {
  const facts = from.facts().map((fact) => {
    const { values } = fact.payload;
    const target = to.get(fact.id)?.payload['values'];
    if (!Array.isArray(values) || !Array.isArray(target)) return fact;
    if (JSON.stringify(values) === JSON.stringify(target)) return fact;
    return { ...fact, payload: { ...fact.payload, values: [...values, 'dbops rebuilds it'] } };
  });
  return buildFactBase(facts, [...from.edges]);
}

/** What the planner asks of a pool: one connection, whose transaction may already be open. */
function poolOf({ client }: Session) {
  const isOpen = client.getTransactionStatus() === 'T';
  const isControl = (text: string) => /^(?:BEGIN|COMMIT|ROLLBACK)\b/.test(text);
  const skipped = { rows: [] } as unknown as QueryResult;
  const query = async (text: string, values?: unknown[]) =>
    isOpen && isControl(text)
      ? skipped
      : // The planner expects the parsers that pg has by default.
        client.query({ text, ...(values && { values }), types });
  return { connect: async () => ({ query, release: () => {} }) };
}
