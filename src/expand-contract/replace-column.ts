import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import { notNull, withoutTriggers, type RowCheck } from './contract-statements.ts';
import type { EmptyColumn } from './plan.ts';
import { fillFew } from './fill-few.ts';
import { releaseOf, swapOf } from './swap-columns.ts';
import { dropSyncTrigger, syncTrigger } from './sync-trigger.ts';
import {
  grants,
  type CarriedCopy,
  type ReplacedColumn,
  type TableReplacement,
} from './table-replacement.ts';

/** The statements of a replacement, by file. */
export interface ReplacementSteps {
  expand: string[];
  /** Statements that roll back `expand`. */
  expandUndo: string[];
  /** Each runs alone, after the backfill. */
  prepare: string[];
  prepareUndo: string[];
  /** In one transaction: before the `swap` of any table. */
  release: string[];
  swap: string[];
  /** Run before the checks. */
  fill: string[];
  checks: RowCheck[];
  empty: EmptyColumn[];
}

/** Returns the statements that replace the columns of a table. */
export function replacementSteps(replaced: TableReplacement): ReplacementSteps {
  const { table, columns, carried } = replaced;
  const required = columns.map((each) => requirementOf(each));
  const built = carried.map((each) => buildOf(each, table));
  return {
    expand: columns.flatMap(expandOf),
    expandUndo: columns.flatMap(({ change, to }) => [
      ...dropSyncTrigger({ table, old: change.column, to }),
      `ALTER TABLE ${quoteName(table)} DROP COLUMN ${q(to)}`,
    ]),
    prepare: [
      ...required.flatMap(({ statements }) => statements),
      ...built.flatMap(({ statements }) => statements),
      ...columns.flatMap(({ to }) => withoutTriggers(table, to)),
    ],
    prepareUndo: [...built.toReversed(), ...required].flatMap(({ undo }) => undo),
    release: releaseOf(replaced),
    swap: swapOf(replaced),
    fill: columns.map(fillOf),
    checks: required.map(({ check }) => check),
    empty: columns.map(emptyOf),
  };
}

function expandOf({ change, former, future, conversion, to }: ReplacedColumn): string[] {
  const { table, column } = change;
  const alter = `ALTER TABLE ${quoteName(table)}`;
  const collate = change.change?.collate;
  const type = change.change
    ? `${change.change.type}${collate === undefined ? '' : ` COLLATE ${collate}`}`
    : former.type;
  return [
    `${alter} ADD COLUMN ${q(to)} ${type}`,
    ...future.properties.map((each) => `${alter} ALTER COLUMN ${q(to)} ${each}`),
    ...(future.comment === null
      ? []
      : [`COMMENT ON COLUMN ${quoteName(table)}.${q(to)} IS ${quoteLiteral(future.comment)}`]),
    ...grants(future.grants, (privilege) => `${privilege} (${q(to)}) ON ${quoteName(table)}`),
    ...syncTrigger({ table, old: column, to, conversion }),
  ];
}

/** SQL that is NULL where the new column may be NULL; an expression has its parentheses from the server. */
function neededBy({ conversion }: ReplacedColumn): string {
  return conversion.mayBeNull ? conversion.forth : conversion.column;
}

function emptyOf(replacement: ReplacedColumn): EmptyColumn {
  const { change, conversion, to } = replacement;
  const source = change.change ? `converted from ${change.column}` : `a copy of ${change.column}`;
  return {
    table: change.table,
    name: to,
    copied: {
      value: conversion.forth,
      where: `${neededBy(replacement)} IS NOT NULL`,
      origin: source,
    },
  };
}

function fillOf(replacement: ReplacedColumn): string {
  const { change, conversion, to } = replacement;
  return fillFew({
    table: quoteName(change.table),
    set: `${q(to)} = ${conversion.forth}`,
    where: `${neededBy(replacement)} IS NOT NULL`,
    done: `${q(to)} IS NOT NULL`,
  });
}

/** Every row must have a new value before the old one is dropped. */
function requirementOf(replacement: ReplacedColumn) {
  const { change, future, to, requirement } = replacement;
  const { table, column } = change;
  const alter = `ALTER TABLE ${quoteName(table)}`;
  const check = {
    sql: `SELECT FROM ${quoteName(table)} WHERE ${q(to)} IS NULL${future.isNotNull ? '' : ` AND ${neededBy(replacement)} IS NOT NULL`}`,
    message: `${table.name} has rows whose ${column} has no value in ${to}`,
  };
  if (future.isNotNull)
    return {
      statements: notNull(table, to, requirement),
      undo: [`${alter} ALTER COLUMN ${q(to)} DROP NOT NULL`],
      check,
    };
  const isKept = `${q(to)} IS NOT NULL OR ${neededBy(replacement)} IS NULL`;
  return {
    statements: [
      `${alter} ADD CONSTRAINT ${q(requirement)} CHECK (${isKept}) NOT VALID`,
      `${alter} VALIDATE CONSTRAINT ${q(requirement)}`,
    ],
    undo: [`${alter} DROP CONSTRAINT ${q(requirement)}`],
    check,
  };
}

/** Returns the statements that build the successor of an object under its temporary name. */
function buildOf(
  carried: CarriedCopy,
  table: ObjectName,
): { statements: string[]; undo: string[] } {
  const { kind, definition, temporary, isUnique, isValidated, attributes, properties } = carried;
  const name = q(temporary);
  const placed = quoteName({ ...table, name: temporary });
  const alter = `ALTER TABLE ${carried.from ?? quoteName(table)}`;
  const drop = [`${alter} DROP CONSTRAINT ${name}`];
  const index = `CREATE ${isUnique ? 'UNIQUE ' : ''}INDEX CONCURRENTLY ${name} ON ${quoteName(table)} ${definition}`;
  if (kind === 'statistics')
    return {
      statements: [
        `CREATE STATISTICS ${placed}${definition}`,
        ...properties.map((each) => `ALTER STATISTICS ${placed} ${each}`),
      ],
      undo: [`DROP STATISTICS ${placed}`],
    };
  if (kind === 'index' || kind === 'primary')
    return {
      statements: [index, ...properties.map((each) => `ALTER INDEX ${placed} ${each}`)],
      undo: [`DROP INDEX ${placed}`],
    };
  if (kind === 'unique')
    return {
      statements: [
        index,
        `${alter} ADD CONSTRAINT ${name} UNIQUE USING INDEX ${name}${attributes}`,
      ],
      undo: drop,
    };
  const add = `${alter} ADD CONSTRAINT ${name} ${definition}`;
  if (!isValidated) return { statements: [add], undo: drop };
  return {
    statements: [`${add} NOT VALID`, `${alter} VALIDATE CONSTRAINT ${name}`],
    undo: drop,
  };
}
