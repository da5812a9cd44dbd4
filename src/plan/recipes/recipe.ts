import type { Node } from 'libpg-query';
import type { BackfillTarget } from '../../backfill/definition.ts';
import type { Piece } from '../../sql/alter-table.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';

/** One statement of a migration, or one command of an `ALTER TABLE` as a statement of its own. */
export interface ParsedStatement {
  /** Without the comments before it and the semicolon after it. */
  sql: string;
  /** 0-based, in UTF-16 units of the file: the offset of `splitStatements`. */
  offset: number;
  node: Node;
  /** The statement, or each command of an `ALTER TABLE`. */
  pieces: Piece[];
  /** Whether it is ADD COLUMN IF NOT EXISTS; `node` and `pieces` are those of ADD COLUMN. */
  isConditional: boolean;
  earlier: readonly ParsedStatement[];
  later: readonly ParsedStatement[];
}

/** What a recipe knows of the database before the statement runs. */
export interface RecipeFacts {
  major: number;
  /** The name of the migration. */
  migration: string;
  /** Whether others wait only for locks of earlier statements of the transaction. */
  isHeldOnly: boolean;
  catalog: RecipeCatalog;
}

/** Reads facts of the catalog when a recipe needs them. */
export interface RecipeCatalog {
  /** Returns a table, under the search path of the migration; undefined: it does not exist. */
  table(name: ObjectName): Promise<KnownTable | undefined>;
  /** Returns an index, under the same conditions. */
  index(name: ObjectName): Promise<KnownIndex | undefined>;
  /** Returns the schema in which an unqualified name is created. */
  creationSchema(): Promise<string>;
  /** Returns those of the names that an object of the schema has. */
  takenNames(
    schema: string,
    names: readonly string[],
    among: { relations: boolean; constraints: boolean },
  ): Promise<ReadonlySet<string>>;
  /** Returns whether one of the functions of these names is volatile. */
  hasVolatile(functions: readonly string[]): Promise<boolean>;
}

export interface KnownTable {
  schema: string;
  name: string;
  isPartitioned: boolean;
  /** Of a partitioned table: at every level, each behind the table of which it is a partition. */
  partitions: KnownPartition[];
  /** Whether other tables, which are not its partitions, inherit from it. */
  hasHeirs: boolean;
  defaultPartition?: ObjectName;
  /** Columns that are NOT NULL. */
  notNull: ReadonlySet<string>;
  /** Names of its columns. */
  columns: ReadonlySet<string>;
  /** The columns of its valid indexes that have all rows, in their order. */
  indexes: string[][];
  /** Columns of its partition key; empty for expressions. */
  partitionKey: string[];
  /** RANGE, LIST or HASH. */
  partitionStrategy?: 'range' | 'list' | 'hash';
  primaryKey?: string;
}

/** A partition of a table, or of one of its partitions. */
export interface KnownPartition {
  schema: string;
  name: string;
  /** False: it is partitioned itself, and stores no rows. */
  isLeaf: boolean;
  /** The table of which it is a partition. */
  parent: { schema: string; name: string };
}

export interface KnownIndex {
  schema: string;
  name: string;
  isPartitioned: boolean;
  /** A constraint or the index of a partitioned table has it. */
  isOwned: boolean;
}

/** The safe way to make the same change. */
export interface Recipe {
  /** As in the report: `check-not-valid`. */
  name: string;
  /** One sentence for the report and docs/plan.md. */
  summary: string;
  /** Returns the steps that replace a statement; undefined where the recipe does not apply. */
  rewrite(
    statement: ParsedStatement,
    facts: RecipeFacts,
  ): RecipeSteps | undefined | Promise<RecipeSteps | undefined>;
}

export interface RecipeStep {
  statements: string[];
  /** False: each statement runs alone, such as CONCURRENTLY. */
  transaction: boolean;
  /** The name of a backfill that must be complete before the step. */
  requires?: string;
  /** What rolls the step back, where that cannot be derived from the schema. */
  undo?: string[];
}

/** A column that the steps leave empty in existing rows, and how it is filled. */
export interface RecipeBackfill {
  name: string;
  target: BackfillTarget;
}

export interface RecipeSteps {
  steps: RecipeStep[];
  /** What gives existing rows their values. */
  backfills?: RecipeBackfill[];
  /** What a person has to do between the steps, such as the backfill to run. */
  notes: string[];
  /** Offsets of later statements that these steps replace too. */
  replaces?: number[];
  /** Why the schema is not the same afterwards; absent: it is. */
  differs?: string;
}

/** Returns a step whose statements share a transaction. */
export function together(...statements: string[]): RecipeStep {
  return { statements, transaction: true };
}

/** Returns a step whose statements run outside a transaction. */
export function alone(...statements: string[]): RecipeStep {
  return { statements, transaction: false };
}

/** Returns what replaces a statement by these steps. */
export function stepsOf(...steps: RecipeStep[]): RecipeSteps {
  return { steps, notes: [] };
}
