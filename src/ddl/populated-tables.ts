import type { Casts } from './casts.ts';
import type { Columns, DdlStatement, Draft, QualifiedColumn } from './statement.ts';

/** Returns the columns whose types a plan changes, as keys of `Columns`. */
export function retypedBy(drafts: readonly Draft[]): Set<string> {
  return new Set(
    drafts.flatMap(({ sql }) => {
      const [, schema, table, column] = retype.exec(sql) ?? [];
      return column ? [`${schema}.${table}.${column}`] : [];
    }),
  );
}

/** Drops foreign keys before the plan and creates them after it, unless the plan drops them itself. */
export function withForeignKeysMoved(
  statements: readonly DdlStatement[],
  keys: readonly { drop: string; make: string[] }[],
): DdlStatement[] {
  const planned = new Set(
    statements.map(({ sql }) => sql).filter((sql) => dropConstraint.test(sql)),
  );
  const left = keys.filter(({ drop }) => !planned.has(drop));
  const asRule = (sql: string): DdlStatement => ({
    sql,
    lock: lockNames.shareRowExclusive,
    rewrites: true,
    phase: 'rules',
  });
  return [
    ...left.map(({ drop }): DdlStatement => ({
      sql: drop,
      lock: lockNames.accessExclusive,
      rewrites: false,
      phase: 'structure',
    })),
    ...statements,
    ...left.flatMap(({ make }) => make.map(asRule)),
  ];
}

/** Matches the column of a planned statement; the planner quotes every name. */
const ofColumn = String.raw`^ALTER TABLE ("(?:[^"]|"")+")\.("(?:[^"]|"")+") ALTER COLUMN ("(?:[^"]|"")+") `;
const setDefault = new RegExp(`${ofColumn}SET DEFAULT `);
const required = new RegExp(`${ofColumn}SET NOT NULL$`);
const identity = new RegExp(`${ofColumn}ADD GENERATED `);
const dropConstraint = /^ALTER TABLE .+ DROP CONSTRAINT /s;
const retype = new RegExp(`${ofColumn}TYPE (.+) USING (.+)$`, 's');
const addRequired =
  /^(ALTER TABLE ("(?:[^"]|"")+"\.)?"(?:[^"]|"")+" )ADD COLUMN ("(?:[^"]|"")+")(.*) NOT NULL$/s;

/** Columns before and after a plan. */
export interface ColumnChange {
  from: Columns;
  to: Columns;
}

/**
 * Adapts planned statements to tables with rows: defaults follow type changes, values are cast, and
 * constraints on rows come last, after rows that lack a required value have got its default.
 */
export function adaptToRows(
  drafts: readonly Draft[],
  columns: ColumnChange,
  casts: Casts,
): DdlStatement[] {
  const structure: DdlStatement[] = [];
  const identities = new Set(drafts.flatMap(({ sql }) => columnIn(identity, sql)));
  const defaults = new Map<string, DdlStatement>();
  const rules: DdlStatement[] = [];
  for (const draft of drafts) {
    const statement = toStatement(draft);
    const key = setDefault.exec(draft.sql)?.[0];
    if (key !== undefined) {
      defaults.set(key, statement);
      continue;
    }
    if (isOfForeignKey(draft.sql)) {
      rules.push({ ...statement, phase: 'rules' });
      continue;
    }
    // An identity demands NOT NULL first, and has a value in every row.
    if (columnIn(required, draft.sql).some((column) => !identities.has(column))) {
      rules.push({ ...statement, phase: 'rules' });
      continue;
    }
    const added = addRequired.exec(draft.sql);
    if (added) {
      const [, table = '', , column = '', type = ''] = added;
      structure.push({ ...statement, sql: `${table}ADD COLUMN ${column}${type}` });
      rules.push(setNotNull(table, column));
      continue;
    }
    structure.push(...cast(statement, columns, casts, rules));
  }
  const fills = rules.flatMap(({ sql }) => fillOf(sql, columns.to));
  return [...structure, ...defaults.values(), ...fills, ...rules];
}

/** The key of the column that a statement is about, in `Columns`. */
function columnIn(pattern: RegExp, sql: string): string[] {
  const [, schema, table, column] = pattern.exec(sql) ?? [];
  return column === undefined ? [] : [`${schema}.${table}.${column}`];
}

/** What SET NOT NULL needs of rows that were written while the column was not required. */
function fillOf(sql: string, to: Columns): DdlStatement[] {
  const [, schema, table, column] = required.exec(sql) ?? [];
  if (!to.get(`${schema}.${table}.${column}`)?.hasDefault) return [];
  const fill = `UPDATE ${schema}.${table} SET ${column} = DEFAULT WHERE ${column} IS NULL`;
  return [{ sql: fill, lock: 'ROW EXCLUSIVE', rewrites: true, phase: 'rules' }];
}

function toStatement({ sql, lock, rewrites }: Draft): DdlStatement {
  const locks = lock === 'none' ? {} : { lock: lockNames[lock] };
  return { sql, rewrites, phase: 'structure', ...locks };
}

const lockNames = {
  share: 'SHARE',
  shareRowExclusive: 'SHARE ROW EXCLUSIVE',
  shareUpdateExclusive: 'SHARE UPDATE EXCLUSIVE',
  accessExclusive: 'ACCESS EXCLUSIVE',
};

/** Returns whether a statement adds a foreign key, which must follow restored rows. */
function isOfForeignKey(sql: string): boolean {
  return /^ALTER TABLE .+ ADD CONSTRAINT .+ FOREIGN KEY \(/s.test(sql);
}

function setNotNull(table: string, column: string): DdlStatement {
  const sql = `${table}ALTER COLUMN ${column} SET NOT NULL`;
  return { sql, lock: lockNames.accessExclusive, rewrites: true, phase: 'rules' };
}

function cast(
  statement: DdlStatement,
  { from: columns, to }: ColumnChange,
  casts: Casts,
  rules: DdlStatement[],
): DdlStatement[] {
  const found = retype.exec(statement.sql);
  if (!found) return [statement];
  const [, schema = '', table = '', column = '', type = ''] = found;
  const key = `${schema}.${table}.${column}`;
  const from = columns.get(key);
  if (from === undefined) return [statement];
  const alter = `ALTER TABLE ${schema}.${table} ALTER COLUMN ${column}`;
  const expression = casts.expression(column, from.type, type);
  if (expression !== undefined)
    return [{ ...statement, sql: `${alter} TYPE ${type} USING ${expression}` }];
  const name: QualifiedColumn = {
    schema: unquote(schema),
    table: unquote(table),
    column: unquote(column),
  };
  const emptied = { ...statement, sql: `${alter} TYPE ${type} USING NULL`, underivable: name };
  if (to.get(key)?.notNull) rules.push(setNotNull(`ALTER TABLE ${schema}.${table} `, column));
  return from.notNull ? [{ ...statement, sql: `${alter} DROP NOT NULL` }, emptied] : [emptied];
}

function unquote(name: string): string {
  return name.slice(1, -1).replaceAll('""', '"');
}
