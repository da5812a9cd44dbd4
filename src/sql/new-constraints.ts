import type { AlterTableCmd, ColumnDef, Constraint, IndexStmt, Node, RangeVar } from 'libpg-query';
import type { ObjectName } from './non-transactional.ts';
import { parse } from './statements.ts';

interface Common {
  table: ObjectName;
  /** The name of the constraint or index; absent where the server generates one. */
  name?: string;
  /** Whether it is in the catalog as NOT VALID. */
  isInCatalog?: true;
}

/** A constraint that a statement adds, and that every existing row must satisfy. */
export type NewConstraint = Common &
  (
    | {
        kind: 'not-null';
        column: string;
        /** SQL of the type, for a column that the statement adds. */
        type?: string;
      }
    | { kind: 'check'; expression: string }
    | {
        kind: 'unique';
        columns: string[];
        /** The condition of a partial index. */
        predicate?: string;
        nullsNotDistinct: boolean;
      }
    | {
        kind: 'foreign-key';
        columns: string[];
        target: ObjectName;
        /** Empty: the primary key of the target. */
        targetColumns: string[];
      }
    | { kind: 'validate'; name: string }
  );

/**
 * Returns the constraints that `ALTER TABLE` or `CREATE UNIQUE INDEX` adds, except exclusion
 * constraints and the conditions of a type change.
 */
export async function newConstraintsOf(sql: string): Promise<NewConstraint[]> {
  const [{ stmt } = {}] = await parse(sql);
  if (!stmt) return [];
  if ('IndexStmt' in stmt) return ofIndex(stmt.IndexStmt, await sourceOf(sql));
  if (!('AlterTableStmt' in stmt)) return [];
  const { relation, cmds = [] } = stmt.AlterTableStmt;
  if (!relation) return [];
  const source = await sourceOf(sql);
  const table = tableName(relation);
  return cmds.flatMap((node) =>
    'AlterTableCmd' in node ? ofCommand(node.AlterTableCmd, table, source) : [],
  );
}

/** Returns whether a statement may change rows. */
export async function changesRows(sql: string): Promise<boolean> {
  const [{ stmt } = {}] = await parse(sql);
  return stmt !== undefined && Object.keys(stmt).some((kind) => changing.has(kind));
}

const changing = new Set(
  [
    'Insert',
    'Update',
    'Delete',
    'Merge',
    'Truncate',
    'Copy',
    'Select',
    'Do',
    'Call',
    'Execute',
  ].map((verb) => `${verb}Stmt`),
);

function ofCommand(
  { subtype, name, def, missing_ok: mayBeThere }: AlterTableCmd,
  table: ObjectName,
  source: StatementText,
): NewConstraint[] {
  if (subtype === 'AT_SetNotNull' && name) return [{ kind: 'not-null', table, column: name }];
  if (subtype === 'AT_ValidateConstraint' && name) return [{ kind: 'validate', table, name }];
  if (!def || mayBeThere) return [];
  if (subtype === 'AT_AddColumn' && 'ColumnDef' in def)
    return ofColumn(def.ColumnDef, table, source);
  if (subtype === 'AT_AddConstraint' && 'Constraint' in def)
    return ofConstraint(def.Constraint, table, source);
  return [];
}

function ofColumn(
  { colname: column, typeName, constraints = [] }: ColumnDef,
  table: ObjectName,
  source: StatementText,
): NewConstraint[] {
  const parts = constraints.flatMap((node) => ('Constraint' in node ? node.Constraint : []));
  const has = (...kinds: string[]) => parts.some(({ contype }) => kinds.includes(contype ?? ''));
  const isFilled =
    has('CONSTR_DEFAULT', 'CONSTR_GENERATED', 'CONSTR_IDENTITY') ||
    JSON.stringify(typeName?.names).includes('serial"');
  if (!column || isFilled || !has('CONSTR_NOTNULL', 'CONSTR_PRIMARY')) return [];
  const type = source.between(typeName?.location, parts[0]?.location);
  return [{ kind: 'not-null', table, column, type }];
}

function ofConstraint(
  constraint: Constraint,
  of: ObjectName,
  source: StatementText,
): NewConstraint[] {
  const { contype, conname, keys, skip_validation: isLater, indexname } = constraint;
  if (isLater || indexname) return [];
  const common = { table: of, ...(conname && { name: conname }) };
  const columns = strings(keys);
  switch (contype) {
    case 'CONSTR_CHECK': {
      const expression = source.inParentheses('check', constraint.location);
      return expression ? [{ kind: 'check', ...common, expression }] : [];
    }
    case 'CONSTR_NOTNULL':
      return columns.map((column) => ({ kind: 'not-null', ...common, column }));
    case 'CONSTR_UNIQUE':
    case 'CONSTR_PRIMARY': {
      const nullsNotDistinct = constraint.nulls_not_distinct === true;
      return [{ kind: 'unique', ...common, columns, nullsNotDistinct }];
    }
    case 'CONSTR_FOREIGN': {
      const { pktable, fk_attrs: from, pk_attrs: to } = constraint;
      if (!pktable) return [];
      const [target, targetColumns] = [tableName(pktable), strings(to)];
      return [{ kind: 'foreign-key', ...common, columns: strings(from), target, targetColumns }];
    }
    default:
      return [];
  }
}

function ofIndex(
  { unique, relation, idxname, indexParams = [], whereClause, ...index }: IndexStmt,
  source: StatementText,
): NewConstraint[] {
  if (!unique || !relation || index.if_not_exists) return [];
  const columns = indexParams.flatMap((node) =>
    'IndexElem' in node ? (node.IndexElem.name ?? []) : [],
  );
  if (columns.length < indexParams.length) return []; // an index on an expression
  const predicate = whereClause && source.after('where');
  return [
    {
      kind: 'unique',
      table: tableName(relation),
      ...(idxname && { name: idxname }),
      columns,
      ...(predicate && { predicate }),
      nullsNotDistinct: index.nulls_not_distinct === true,
    },
  ];
}

function tableName({ schemaname, relname = '' }: RangeVar): ObjectName {
  return { ...(schemaname && { schema: schemaname }), name: relname };
}

function strings(nodes: readonly Node[] = []): string[] {
  return nodes.flatMap((node) => ('String' in node ? (node.String.sval ?? []) : []));
}

type StatementText = Awaited<ReturnType<typeof sourceOf>>;

/** Returns access to a statement's text by tokens: a parse tree has no end positions. */
async function sourceOf(sql: string) {
  const { scanSync } = await import('libpg-query'); // its module is loaded since parse()
  const bytes = Buffer.from(sql);
  const tokens = scanSync(sql).tokens;
  const slice = (from: number, to?: number) => bytes.subarray(from, to).toString().trim();
  const indexOf = (keyword: string, from = 0) =>
    tokens.findIndex(({ text, start }) => start >= from && text.toLowerCase() === keyword);
  return {
    between: (from = 0, to?: number) => slice(from, to),
    after: (keyword: string) => slice(tokens[indexOf(keyword)]?.end ?? bytes.length),
    /** Returns the text in the parentheses after a keyword. */
    inParentheses(keyword: string, from = 0): string | undefined {
      const open = indexOf('(', tokens[indexOf(keyword, from)]?.end ?? bytes.length);
      let depth = 0;
      for (const { text, start } of open < 0 ? [] : tokens.slice(open)) {
        if (text === '(') depth += 1;
        if (text === ')') depth -= 1;
        if (depth === 0) return slice(tokens[open]?.end ?? 0, start);
      }
      return undefined;
    },
  };
}
