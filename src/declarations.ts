import * as z from 'zod';
import { definitionsSchema } from './backfill/definition.ts';
import { creditsSchema } from './reports/credits/definition.ts';
import { sqlReportsSchema } from './reports/sql/definition.ts';
import { usageSchema } from './reports/usage/definition.ts';
import { seedsSchema } from './seed/definition.ts';
import { dataChecksSchema, verifySchema } from './verify/declaration.ts';
import { probesSchema } from './verify/smoke/definition.ts';

/** What a team declares about its own tables. Features receive it and know no table by name. */
export const declarationsSchema = z.strictObject({
  usage: usageSchema.optional(),
  credits: creditsSchema.optional(),
  seeds: seedsSchema.optional(),
  /** By the code of their findings. */
  checks: dataChecksSchema.optional(),
  /** By the code of their findings; only `verify smoke` runs them. */
  probes: probesSchema.optional(),
  /** By the word after `dbops report`. */
  reports: sqlReportsSchema.optional(),
  /** Settings of the checks. */
  verify: verifySchema.optional(),
  /** Of the bundled application; those of a configuration are in its settings. */
  backfills: definitionsSchema.optional(),
});

export type Declarations = z.infer<typeof declarationsSchema>;
