import type { AlterTableCmd, ColumnDef, Constraint, Node } from 'libpg-query';
import { nameFrom, nameOf, pathOf, type ObjectName } from './non-transactional.ts';
import {
  globalOf,
  objectIn,
  objectOfPath,
  partOf,
  type NameSpace,
  type Touch,
  type TouchedObject,
} from './named-objects.ts';
import { readRename } from './renamed-objects.ts';

/** Returns what a statement does to the objects that its text names, or that the server names after them. */
export function touchesOf(stmt: Node): Touch[] {
  const renamed = readRename(stmt);
  if (renamed.length > 0) return renamed;
  if ('DropStmt' in stmt) return dropped(stmt);
  const objects = [...tablesIn(stmt), ...partsIn(stmt), ...typesIn(stmt), ...othersIn(stmt)];
  const removed = 'AlterTableStmt' in stmt ? removedParts(stmt) : [];
  return [
    ...objects.map((object): Touch => ({ does: 'change', object })),
    ...removed.map((object): Touch => ({ does: 'drop', object })),
  ];
}

function tablesIn(stmt: Node): TouchedObject[] {
  if ('CreateStmt' in stmt) return createdTable(stmt.CreateStmt);
  if ('CreateForeignTableStmt' in stmt) return createdTable(stmt.CreateForeignTableStmt.base ?? {});
  if ('AlterTableStmt' in stmt) return alteredTable(stmt);
  if ('IndexStmt' in stmt) return [createdIndex(stmt)];
  const relation =
    ('ViewStmt' in stmt && stmt.ViewStmt.view) ||
    ('CreateTableAsStmt' in stmt && stmt.CreateTableAsStmt.into?.rel) ||
    ('CreateSeqStmt' in stmt && stmt.CreateSeqStmt.sequence) ||
    ('AlterSeqStmt' in stmt && stmt.AlterSeqStmt.sequence) ||
    ('SelectStmt' in stmt && stmt.SelectStmt.intoClause?.rel);
  return relation ? [objectIn('relation', nameOf(relation))] : [];
}

type CreatedTable = Extract<Node, { CreateStmt: unknown }>['CreateStmt'];

function createdTable({ relation, tableElts = [] }: CreatedTable): TouchedObject[] {
  const table = nameOf(relation);
  return [
    objectIn('relation', table),
    ...tableElts.flatMap((element) => {
      if ('ColumnDef' in element) return columnObjects(table, element.ColumnDef);
      return 'Constraint' in element ? constraintObjects(table, element.Constraint) : [];
    }),
  ];
}

function columnObjects(table: ObjectName, column: ColumnDef): TouchedObject[] {
  const { colname = '', constraints = [], typeName } = column;
  const written = constraints.flatMap((node) => ('Constraint' in node ? node.Constraint : []));
  const type = (typeName?.names ?? []).flatMap(pathOf).at(-1) ?? '';
  const isCounted =
    /^(?:small|big)?serial\d?$/.test(type) ||
    written.some(({ contype }) => contype === 'CONSTR_IDENTITY');
  return [
    partOf('column', table, colname),
    ...written.flatMap((constraint) => constraintObjects(table, constraint, colname)),
    ...(isCounted ? [sibling(table, `${table.name}_${colname}_seq`)] : []),
  ];
}

function sibling(table: ObjectName, name: string): TouchedObject {
  return objectIn('relation', { ...table, name });
}

/** The endings of the names that the server chooses (ChooseConstraintName() and ChooseIndexName()). */
const endings: Partial<Record<NonNullable<Constraint['contype']>, string>> = {
  CONSTR_PRIMARY: 'pkey',
  CONSTR_UNIQUE: 'key',
  CONSTR_EXCLUSION: 'excl',
  CONSTR_FOREIGN: 'fkey',
  CONSTR_CHECK: 'check',
  CONSTR_NOTNULL: 'not_null',
};

const withIndex = new Set(['CONSTR_PRIMARY', 'CONSTR_UNIQUE', 'CONSTR_EXCLUSION']);

/** The constraint, and the index that has its name. @param column on which it is written */
function constraintObjects(
  table: ObjectName,
  constraint: Constraint,
  column?: string,
): TouchedObject[] {
  const { contype, conname, keys = [], fk_attrs: columns = [] } = constraint;
  const ending = contype && endings[contype];
  if (!ending) return [];
  const own = [...keys, ...columns].flatMap(pathOf);
  const parts = contype === 'CONSTR_PRIMARY' ? [] : own.length > 0 ? own : [column ?? ''];
  const name = conname ?? [table.name, ...parts.filter(Boolean), ending].join('_');
  return [
    partOf('constraint', table, name),
    ...(withIndex.has(contype) ? [sibling(table, name)] : []),
  ];
}

function createdIndex({ IndexStmt }: Extract<Node, { IndexStmt: unknown }>): TouchedObject {
  const { idxname, relation, indexParams = [] } = IndexStmt;
  const table = nameOf(relation);
  const keys = indexParams.map((node) => ('IndexElem' in node && node.IndexElem.name) || 'expr');
  return sibling(table, idxname ?? [table.name, ...keys, 'idx'].join('_'));
}

function commandsIn({
  AlterTableStmt,
}: Extract<Node, { AlterTableStmt: unknown }>): AlterTableCmd[] {
  return (AlterTableStmt.cmds ?? []).flatMap((node) =>
    'AlterTableCmd' in node ? node.AlterTableCmd : [],
  );
}

function alteredTable(stmt: Extract<Node, { AlterTableStmt: unknown }>): TouchedObject[] {
  const table = nameOf(stmt.AlterTableStmt.relation);
  return [
    objectIn('relation', table),
    ...commandsIn(stmt).flatMap((command) => changedBy(command, table)),
  ];
}

function changedBy(
  { subtype = 'AT_AddColumn', name, def }: AlterTableCmd,
  table: ObjectName,
): TouchedObject[] {
  if (def && 'ColumnDef' in def && subtype === 'AT_AddColumn')
    return columnObjects(table, def.ColumnDef);
  if (def && 'Constraint' in def && subtype === 'AT_AddConstraint')
    return constraintObjects(table, def.Constraint);
  if (def && 'PartitionCmd' in def && def.PartitionCmd.name)
    return [objectIn('relation', nameOf(def.PartitionCmd.name))];
  if (subtype === 'AT_AlterConstraint' && def && 'ATAlterConstraint' in def)
    return [partOf('constraint', table, def.ATAlterConstraint.conname ?? '')];
  if (name === undefined || subtype.startsWith('AT_Drop')) {
    const isOfColumn = name !== undefined && ofColumns.has(subtype);
    return isOfColumn ? [partOf('column', table, name)] : [];
  }
  if (subtype === 'AT_ValidateConstraint') return [partOf('constraint', table, name)];
  if (/Trig/.test(subtype)) return [partOf('trigger', table, name)];
  if (/Rule/.test(subtype)) return [partOf('rule', table, name)];
  return ofColumns.has(subtype) ? [partOf('column', table, name)] : [];
}

const ofColumns = new Set<string>([
  'AT_ColumnDefault',
  'AT_DropNotNull',
  'AT_SetNotNull',
  'AT_SetExpression',
  'AT_DropExpression',
  'AT_SetStatistics',
  'AT_SetOptions',
  'AT_ResetOptions',
  'AT_SetStorage',
  'AT_SetCompression',
  'AT_AlterColumnType',
  'AT_AlterColumnGenericOptions',
  'AT_AddIdentity',
  'AT_SetIdentity',
  'AT_DropIdentity',
]);

function removedParts(stmt: Extract<Node, { AlterTableStmt: unknown }>): TouchedObject[] {
  const table = nameOf(stmt.AlterTableStmt.relation);
  return commandsIn(stmt).flatMap(({ subtype, name = '' }) => {
    if (subtype === 'AT_DropColumn') return [partOf('column', table, name)];
    if (subtype !== 'AT_DropConstraint') return [];
    return [partOf('constraint', table, name), sibling(table, name)];
  });
}

/** Parts of tables with a statement of their own. */
function partsIn(stmt: Node): TouchedObject[] {
  if ('CreateTrigStmt' in stmt)
    return [part('trigger', stmt.CreateTrigStmt.relation, stmt.CreateTrigStmt.trigname)];
  if ('CreatePolicyStmt' in stmt)
    return [part('policy', stmt.CreatePolicyStmt.table, stmt.CreatePolicyStmt.policy_name)];
  if ('AlterPolicyStmt' in stmt)
    return [part('policy', stmt.AlterPolicyStmt.table, stmt.AlterPolicyStmt.policy_name)];
  if ('RuleStmt' in stmt) return [part('rule', stmt.RuleStmt.relation, stmt.RuleStmt.rulename)];
  return [];
}

function part(space: NameSpace, table: Parameters<typeof nameOf>[0], name = ''): TouchedObject {
  return partOf(space, nameOf(table), name);
}

function typesIn(stmt: Node): TouchedObject[] {
  const named =
    ('CreateEnumStmt' in stmt && stmt.CreateEnumStmt.typeName) ||
    ('AlterEnumStmt' in stmt && stmt.AlterEnumStmt.typeName) ||
    ('CreateRangeStmt' in stmt && stmt.CreateRangeStmt.typeName) ||
    ('CreateDomainStmt' in stmt && stmt.CreateDomainStmt.domainname) ||
    ('AlterDomainStmt' in stmt && stmt.AlterDomainStmt.typeName) ||
    [];
  const composite = 'CompositeTypeStmt' in stmt && stmt.CompositeTypeStmt.typevar;
  if (composite) return [objectIn('type', nameOf(composite))];
  if (named.length === 0) return [];
  const type = nameFrom(named.flatMap(pathOf));
  const constraints =
    'CreateDomainStmt' in stmt
      ? (stmt.CreateDomainStmt.constraints ?? [])
      : 'AlterDomainStmt' in stmt && stmt.AlterDomainStmt.def
        ? [stmt.AlterDomainStmt.def]
        : [];
  return [
    objectIn('type', type),
    ...constraints.flatMap((node) =>
      'Constraint' in node ? constraintObjects(type, node.Constraint) : [],
    ),
  ];
}

function othersIn(stmt: Node): TouchedObject[] {
  const routine =
    ('CreateFunctionStmt' in stmt && stmt.CreateFunctionStmt.funcname) ||
    ('AlterFunctionStmt' in stmt && stmt.AlterFunctionStmt.func?.objname) ||
    ('DefineStmt' in stmt &&
      stmt.DefineStmt.kind === 'OBJECT_AGGREGATE' &&
      stmt.DefineStmt.defnames);
  if (routine) return [objectIn('routine', nameFrom(routine.flatMap(pathOf)))];
  if ('CreateSchemaStmt' in stmt) return createdSchema(stmt);
  if ('CreateExtensionStmt' in stmt)
    return [globalOf('extension', stmt.CreateExtensionStmt.extname)];
  if ('CreatePublicationStmt' in stmt)
    return [globalOf('publication', stmt.CreatePublicationStmt.pubname)];
  if ('AlterPublicationStmt' in stmt)
    return [globalOf('publication', stmt.AlterPublicationStmt.pubname)];
  if ('CreateEventTrigStmt' in stmt)
    return [globalOf('event trigger', stmt.CreateEventTrigStmt.trigname)];
  if ('CreateStatsStmt' in stmt)
    return [
      objectIn('statistics', nameFrom((stmt.CreateStatsStmt.defnames ?? []).flatMap(pathOf))),
    ];
  return [];
}

/** What CREATE SCHEMA creates besides is in the new schema. */
function createdSchema({
  CreateSchemaStmt: { schemaname = '', schemaElts = [] },
}: Extract<Node, { CreateSchemaStmt: unknown }>): TouchedObject[] {
  const inner = schemaElts.flatMap(touchesOf).map(({ object }) => object);
  return [
    globalOf('schema', schemaname),
    ...inner.map((each) => ({ schema: schemaname, ...each })),
  ];
}

function dropped({ DropStmt }: Extract<Node, { DropStmt: unknown }>): Touch[] {
  const { removeType = '', objects = [] } = DropStmt;
  return objects.flatMap((node): Touch[] => {
    const path =
      'ObjectWithArgs' in node
        ? (node.ObjectWithArgs.objname ?? []).flatMap(pathOf)
        : 'TypeName' in node
          ? (node.TypeName.names ?? []).flatMap(pathOf)
          : pathOf(node);
    const object = objectOfPath(removeType, path);
    return object ? [{ does: 'drop', object }] : [];
  });
}
