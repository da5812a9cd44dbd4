import { UnplannableError } from './unplannable.ts';
import { codeOf } from '../db/connection-error.ts';
import { extract } from '@supabase/pg-delta/extract';
import { plan, type Action } from '@supabase/pg-delta/plan';
import {
  buildFactBase,
  encodeId,
  type DependencyEdge,
  type Fact,
  type FactBase,
} from '@supabase/pg-delta/core';
import * as z from 'zod';
import type { Columns, ColumnState, Draft } from './statement.ts';
import { quoteIdentifier as q, quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { poolOf } from './planner-pool.ts';

/**
 * A catalog as the planner reads it. Only this file imports the planner, `@supabase/pg-delta`, an
 * alpha release pinned to an exact version.
 */
export interface PlannerCatalog {
  base: FactBase;
  /** The owner of the objects and the role that runs the plan, which therefore names no owner. */
  owner: string;
}

/** What a live database holds beside the application's objects. */
export interface Foreign {
  /** Schemas that a shadow has already or never needs. */
  schemas: readonly string[];
  /** Tracking tables of migration tools, as `schema.table`. */
  tables: readonly string[];
  /** Whether the configuration excludes an object; the name of a schema comes without an object. */
  isIgnored?: (schema: string, name: string) => boolean;
}

/**
 * Reads the catalog, in the caller's transaction if one is open. A shadow prepares the queries,
 * because it is read again and again, and to plan them takes as long as to run them.
 *
 * @throws UnplannableError when the planner cannot represent it; the server's error
 */
export async function readPlannerCatalog(session: Session): Promise<PlannerCatalog> {
  const [row] = await session.query<{ owner: string }>('SELECT current_user AS owner');
  const owner = row?.owner ?? '';
  try {
    const pool = await poolOf(session);
    const { factBase } = await extract(pool as never);
    return { base: asOwner(factBase, owner), owner };
  } catch (error) {
    throw codeOf(error) ? error : new UnplannableError(error);
  }
}

/**
 * Removes owners and their privileges, which differ between databases and server versions, and the comments that an
 * extension brings for its members.
 */
function asOwner(base: FactBase, owner: string): FactBase {
  const isMember = (id: Fact['id']) =>
    base.outgoingEdges(id).some(({ kind }) => kind === 'memberOfExtension');
  const facts = base.facts().filter(({ id }) => {
    if (id.kind === 'comment') return !isMember(id.target);
    return id.kind !== 'acl' || id.grantee !== owner;
  });
  const edges = base.edges.filter(
    ({ kind, to }) => kind !== 'owner' || to.kind !== 'role' || to.name !== owner,
  );
  const isSame = facts.length === base.facts().length && edges.length === base.edges.length;
  return isSame ? base : buildFactBase(facts, edges);
}

/**
 * Returns the DDL from one catalog to the other, in an executable order.
 *
 * @param rebuild whether enum types with new labels are recreated: an added label cannot be used in
 *   the same transaction (server manual, "ALTER TYPE")
 * @throws UnplannableError when the planner finds no plan
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

/** Returns the roles, which belong to the server and are not planned. */
function rolesOf(base: FactBase): string[] {
  return base.facts().flatMap(({ id }) => (id.kind === 'role' ? [id.name] : []));
}

/**
 * Returns the catalog of a live database with the foreign objects and roles of the shadow instead of
 * its own. What belongs to a foreign object, or depends on one that the shadow lacks, is left out too.
 */
export function withoutForeign(
  live: PlannerCatalog,
  shadow: PlannerCatalog,
  foreign: Foreign,
): PlannerCatalog {
  const absent = absentOf(live.base, shadow.base, foreign);
  const isKept = ({ id }: Fact) => !isForeign(id, foreign) && !absent.has(encodeId(id));
  const own = shadow.base.facts().filter((fact) => !isKept(fact) || fact.id.kind === 'role');
  const taken = live.base.facts().filter((fact) => isKept(fact) && fact.id.kind !== 'role');
  const edges = [...live.base.edges, ...shadow.base.edges];
  return { base: buildFactBase([...own, ...taken], unique(edges)), owner: live.owner };
}

/** Returns the encoded identities of foreign objects that the shadow lacks, and of all that needs them. */
function absentOf(live: FactBase, shadow: FactBase, foreign: Foreign): ReadonlySet<string> {
  const facts = live.facts().filter(({ id }) => !shadow.get(id));
  const absent = new Set(
    facts.filter(({ id }) => isForeign(id, foreign)).map(({ id }) => encodeId(id)),
  );
  for (let size = -1; size < absent.size;) {
    size = absent.size;
    for (const fact of facts)
      if (needsOf(fact, live).some((id) => absent.has(encodeId(id)))) absent.add(encodeId(fact.id));
  }
  return absent;
}

/** Returns the objects without which an object cannot exist. */
function needsOf({ id, parent, payload }: Fact, base: FactBase): Fact['id'][] {
  const dependencies = base.outgoingEdges(id).filter(({ kind }) => kind === 'depends');
  const target = 'target' in id ? [id.target] : [];
  return [...dependencies.map(({ to }) => to), ...ownerOf(payload), ...target].concat(parent ?? []);
}

/** Returns the column that owns a sequence, which the planner does not list as a dependency. */
function ownerOf({ ownedBy }: Fact['payload']): Fact['id'][] {
  const { success, data } = ownership.safeParse(ownedBy);
  return success ? [{ kind: 'column', ...data }] : [];
}

const ownership = z
  .object({ schema: z.string(), table: z.string(), column: z.string() })
  .transform(({ column: name, ...table }) => ({ ...table, name }));

function isForeign(id: Fact['id'], foreign: Foreign): boolean {
  if ('target' in id) return isForeign(id.target, foreign);
  const schema = id.kind === 'schema' ? id.name : 'schema' in id ? id.schema : undefined;
  if (schema === null || schema === undefined) return false;
  if (/^dbops(?:_|$)/.test(schema) || foreign.schemas.includes(schema)) return true;
  const table = id.kind === 'schema' ? '' : 'table' in id ? id.table : 'name' in id ? id.name : '';
  if (foreign.isIgnored?.(schema, table)) return true;
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

/** Returns schema, table and name of an object as a key. */
function placeOf(id: Fact['id']): string {
  if ('target' in id) return placeOf(id.target);
  const name = 'args' in id ? `${id.name}(${id.args.join(', ')})` : 'name' in id ? id.name : '';
  const schema = 'schema' in id ? (id.schema ?? '') : '';
  return JSON.stringify([schema, 'table' in id ? id.table : '', name]);
}

/** Returns a hash of the catalog. */
export function contentOf({ base }: PlannerCatalog): string {
  return base.rootHash;
}

/** Returns the columns of all tables. */
export function columnsOf({ base }: PlannerCatalog): Columns {
  const facts = base.facts();
  const defaults = new Set(
    facts.flatMap(({ id }) => (id.kind === 'default' ? [columnKey(id)] : [])),
  );
  return new Map(
    facts.flatMap(({ id, payload }): [string, ColumnState][] => {
      if (id.kind !== 'column') return [];
      const key = columnKey(id);
      const notNull = payload['notNull'] === true;
      const hasDefault = defaults.has(key);
      return [[key, { type: String(payload['type']), notNull, hasDefault }]];
    }),
  );
}

/**
 * Returns SQL to drop and to create each foreign key of or to the columns that is in both catalogs:
 * a change of a column's type requires it to be dropped meanwhile.
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

/** Adds an unused label to each enum with new labels: the planner recreates enums that lose labels. */
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
