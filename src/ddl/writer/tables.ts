import { keyOfObject } from '../../catalog/snapshot.ts';
import type { SchemaPiece } from './piece.ts';
import type { ColumnRow, ConstraintRow, TableRow } from './table-rows.ts';

/** A rule of a table that its CREATE TABLE contains, unless it depends on what needs the table. */
export interface InlineRule {
  id: string;
  /** The line of the column or constraint. */
  line: number;
  /** The line without it. */
  without: string | undefined;
  /** The piece that adds it later. */
  late: SchemaPiece;
}

/** A table before it is known which of its rules must be added later. */
export interface TableDraft {
  piece: SchemaPiece;
  lines: (string | undefined)[];
  rules: InlineRule[];
  /** Aliases: ids of catalog objects that this piece creates. */
  creates: string[];
  later: SchemaPiece[];
  /** Ids of foreign keys that the server copies to partitions. */
  copies: string[];
}

/** Whether the columns are written all, because the table is attached to its parents later. */
function standsAlone({ isPartition, parents, columns, constraints }: TableRow): boolean {
  if (isPartition || parents.length === 0) return true;
  const isDeclared = ({ isLocal }: { isLocal: boolean }) => isLocal;
  return columns.every(isDeclared) && constraints.every(isDeclared);
}

/**
 * Returns the pieces of a table.
 *
 * @param isKept whether a part of the table is written, by its `keyOfObject`
 */
export function draftTable(whole: TableRow, isKept: (key: string) => boolean): TableDraft {
  const isAlone = standsAlone(whole);
  const table = keptParts(whole, isKept);
  const draft: TableDraft = {
    piece: pieceOf(table, 'table', table.id, []),
    lines: [],
    rules: [],
    creates: [],
    later: [],
    copies: [],
  };
  for (const column of table.columns)
    if (isAlone || column.isLocal) addColumn(draft, table, column);
    else draft.later.push(...overridesOf(table, column));
  for (const constraint of table.constraints) addConstraint(draft, table, constraint, isAlone);
  if (isAlone) draft.later.push(...parentsOf(table));
  else draft.piece.needs.push(...table.parents.map(({ id }) => id));
  return draft;
}

/** What a table inherits is no object of the snapshot. */
function keptParts(table: TableRow, isKept: (key: string) => boolean): TableRow {
  const isPartKept = (kind: string, name: string) =>
    isKept(keyOfObject({ kind, schema: table.schema, parent: table.name, name }));
  return {
    ...table,
    columns: table.columns.filter(({ name }) => isPartKept('column', name)),
    constraints: table.constraints.filter(
      ({ name, type, isLocal, isClone }) =>
        type === 'n' || !isLocal || isClone || isPartKept('constraint', name),
    ),
  };
}

function pieceOf(
  { schema, name, id }: TableRow,
  stage: SchemaPiece['stage'],
  ownId: string,
  sql: string[],
): SchemaPiece {
  const needs = ownId === id ? [] : [id];
  return { id: ownId, stage, kind: 'table', schema, parent: '', name, sql, needs };
}

const columnRule = { stage: 'late column rule', kind: 'column' } as const;
type Part = Pick<SchemaPiece, 'stage' | 'id' | 'kind' | 'name'>;

function partOf(table: TableRow, { stage, id, kind, name }: Part): SchemaPiece {
  return { ...pieceOf(table, stage, id, []), kind, parent: table.name, name };
}

function addColumn(draft: TableDraft, table: TableRow, column: ColumnRow): void {
  const { quoted, type, identity, isNotNull, generated, expression, expressionId } = column;
  const value =
    expression === null
      ? ''
      : generated === ''
        ? ` DEFAULT ${expression}`
        : ` GENERATED ALWAYS AS (${expression}) ${generated === 's' ? 'STORED' : 'VIRTUAL'}`;
  const rest = `${identity ? ` ${identity}` : ''}${isNotNull ? ' NOT NULL' : ''}`;
  const line = draft.lines.push(`${quoted} ${type}${value}${rest}`) - 1;
  if (expressionId !== null && generated === '') {
    const late = partOf(table, { ...columnRule, id: expressionId, name: column.name });
    late.sql.push(`ALTER TABLE ONLY ${table.quoted} ALTER COLUMN ${quoted} SET${value}`);
    draft.rules.push({ id: expressionId, line, without: `${quoted} ${type}${rest}`, late });
  } else if (expressionId !== null) draft.creates.push(expressionId);
  addSettings(draft, table, column);
}

function addSettings(draft: TableDraft, table: TableRow, { quoted, settings }: ColumnRow): void {
  for (const setting of settings)
    draft.later.push(
      pieceOf(table, 'late column rule', `setting ${table.id} ${quoted} ${setting}`, [
        `ALTER TABLE ONLY ${table.quoted} ALTER COLUMN ${quoted} ${setting}`,
      ]),
    );
}

/** Returns what a child table changes of a column that it inherits. */
function overridesOf(table: TableRow, column: ColumnRow): SchemaPiece[] {
  const { quoted, expression, inheritedExpression, isNotNull, isInheritedNotNull } = column;
  const changes = [
    ...(expression === inheritedExpression || column.generated !== ''
      ? []
      : [expression === null ? 'DROP DEFAULT' : `SET DEFAULT ${expression}`]),
    ...(isNotNull && !isInheritedNotNull ? ['SET NOT NULL'] : []),
    ...column.settings,
  ];
  return changes.map((change) => {
    const id = change.startsWith('SET DEFAULT') ? column.expressionId : null;
    const late = partOf(table, {
      ...columnRule,
      id: id ?? `column ${table.id} ${quoted} ${change}`,
      name: column.name,
    });
    const sql = `ALTER TABLE ONLY ${table.quoted} ALTER COLUMN ${quoted} ${change}`;
    return { ...late, sql: [sql] };
  });
}

function addConstraint(
  draft: TableDraft,
  table: TableRow,
  constraint: ConstraintRow,
  isAlone: boolean,
): void {
  const { id, quoted, type, definition, isLocal, isValidated, isClone } = constraint;
  const needsOwn = type === 'f' || type === 'n' || !isValidated;
  // A partition gets the foreign keys and unvalidated checks of its parent from there.
  if (needsOwn ? isClone || !isLocal : !isLocal && !isAlone) {
    (isClone ? draft.copies : draft.creates).push(id);
    return;
  }
  const stage = needsOwn ? (type === 'f' ? 'foreign key' : 'late constraint') : 'late column rule';
  // The snapshot has NOT NULL as a property of its column.
  const late =
    type === 'n'
      ? pieceOf(table, stage, id, [])
      : partOf(table, { stage, id, kind: 'constraint', name: constraint.name });
  const text = `CONSTRAINT ${quoted} ${definition}`;
  late.sql.push(`ALTER TABLE ${table.quoted} ADD ${text}`);
  if (needsOwn) draft.later.push(late);
  else draft.rules.push({ id, line: draft.lines.push(text) - 1, without: undefined, late });
}

/** Returns the statements that attach a table to its parents, after all indexes of both exist. */
function parentsOf(table: TableRow): SchemaPiece[] {
  return table.parents.map((parent) => {
    const { quoted, partitionBound } = table;
    const sql =
      partitionBound === null
        ? `ALTER TABLE ${quoted} INHERIT ${parent.quoted}`
        : `ALTER TABLE ${parent.quoted} ATTACH PARTITION ${quoted} ${partitionBound}`;
    const piece = pieceOf(table, 'inheritance', `parent ${table.id} ${parent.id}`, [sql]);
    return { ...piece, needs: [table.id, parent.id] };
  });
}

/** Returns the statements that create a table, with the rules that are still inline. */
export function statementsOf(table: TableRow, { lines }: TableDraft): string[] {
  const { quoted, unlogged, using, parameters, partitionKey, parents } = table;
  const body = lines.flatMap((line) => (line === undefined ? [] : [`  ${line}`])).join(',\n');
  const inherits = standsAlone(table) ? [] : parents.map((parent) => parent.quoted);
  return [
    [
      `CREATE ${unlogged ? 'UNLOGGED ' : ''}TABLE ${quoted} (${body && `\n${body}\n`})`,
      ...(inherits.length > 0 ? [`INHERITS (${inherits.join(', ')})`] : []),
      ...(partitionKey === null ? [] : [`PARTITION BY ${partitionKey}`]),
      ...(using === null ? [] : [`USING ${using}`]),
      ...(parameters === null ? [] : [`WITH (${parameters})`]),
    ].join('\n'),
    ...(table.ofType === null ? [] : [`ALTER TABLE ${quoted} OF ${table.ofType}`]),
    ...(table.rowSecurity ? [`ALTER TABLE ${quoted} ENABLE ROW LEVEL SECURITY`] : []),
    ...(table.forcedRowSecurity ? [`ALTER TABLE ${quoted} FORCE ROW LEVEL SECURITY`] : []),
  ];
}
