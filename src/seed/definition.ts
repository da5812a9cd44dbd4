import * as z from 'zod';
import { declaredName } from '../declared/definition.ts';
import type { DeclaredRow, RowsInput, SeedCell } from '../declared/values.ts';

export type { DeclaredRow, SeedCell };

const cell = z.custom<SeedCell>(
  (value) => value !== undefined && typeof value !== 'function' && typeof value !== 'symbol',
  'expected a value, sql`…` or ref(…)',
);

const rowSchema = z.record(z.string().min(1), cell);

const environments = z.array(z.string().min(1)).min(1).optional();

/** Rows of one table, found by their key. */
const rowsSetSchema = z.strictObject({
  summary: z.string().optional(),
  /** With its schema where it is not on the search_path. */
  table: z.string().min(1),
  /** Columns with a unique index. */
  key: z.array(z.string().min(1)).min(1),
  /** Columns that are written once, or '*' for all; the others are kept equal. */
  once: z.union([z.array(z.string()), z.literal('*')]).default([]),
  /** Columns that are written once and that `--reset` leaves, because other rows add up to them. */
  keep: z.union([z.array(z.string()), z.literal('*')]).default([]),
  /** A trigger creates the rows: they are found, never inserted. */
  createdByTrigger: z.boolean().default(false),
  /** The rows are inserted only together with the rows that they refer to. */
  withParents: z.boolean().default(false),
  /** The rows give values of a GENERATED ALWAYS identity: OVERRIDING SYSTEM VALUE. */
  overriding: z.boolean().default(false),
  environments,
  rows: z.union([
    z.array(rowSchema),
    z.custom<(input: RowsInput) => DeclaredRow[]>((value) => typeof value === 'function'),
  ]),
});

/** A SQL file, from the folder of the configuration. */
const fileSetSchema = z.strictObject({
  summary: z.string().optional(),
  file: z.string().min(1),
  environments,
});

/** A module with `export async function seed(db)`, where `db` is a Kysely. */
const moduleSetSchema = z.strictObject({
  summary: z.string().optional(),
  module: z.string().min(1),
  environments,
});

/** Many rows that a seeded generator makes. */
const scaleSetSchema = z.strictObject({
  summary: z.string().optional(),
  table: z.string().min(1),
  /** How many rows; `--scale N` overrides it. */
  scale: z.number().int().min(1),
  /** By column: a value, ref(set), or the name of a distribution with its arguments. */
  columns: z.record(z.string(), cell),
  environments,
});

const seedSetSchema = z.union([rowsSetSchema, fileSetSchema, moduleSetSchema, scaleSetSchema]);

/** `seeds` of the configuration, by name. */
export const seedsSchema = z.record(declaredName, seedSetSchema);

/** As a team writes it: keys with a default may be absent. */
export type Seeds = z.input<typeof seedsSchema>;
export type ParsedSeeds = z.output<typeof seedsSchema>;
export type RowsSet = z.infer<typeof rowsSetSchema>;
export type FileSet = z.infer<typeof fileSetSchema>;
export type ModuleSet = z.infer<typeof moduleSetSchema>;
export type ScaleSet = z.infer<typeof scaleSetSchema>;
