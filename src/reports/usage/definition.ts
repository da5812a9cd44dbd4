import * as z from 'zod';
import { declaredName, expression, fromClause } from '../../declared/definition.ts';

/** What a limit belongs to: an organization, a workspace, a tenant. */
const subjectsSchema = z.strictObject({
  /** The table, or tables with their joins; one row a subject. */
  from: fromClause,
  id: expression,
  /** Shown in the table; default: the id. */
  name: expression.optional(),
  /** A second way to name a subject on the command line. */
  slug: expression.optional(),
  /** The plan whose limits apply; absent: one limit for all. */
  plan: expression.optional(),
  where: expression.optional(),
  /** The billing period of the subject, half-open, for meters with `period: 'billing'`. */
  billing: z.strictObject({ from: expression, to: expression }).optional(),
});

const wholeOrNot = z.union([z.number(), z.bigint(), z.literal('unlimited')]);

const limitsTableSchema = z.strictObject({
  from: fromClause,
  plan: expression.optional(),
  meter: expression,
  value: expression,
  where: expression.optional(),
  /** The value that means that there is no limit (default: -1). */
  unlimited: z.number().default(-1),
});

/** Limits by meter, or by plan and meter. */
const limitsLiteralSchema = z.record(
  z.string(),
  z.union([wholeOrNot, z.record(z.string(), wholeOrNot)]),
);

const oneMeasure = 'expected count, or an object with one of sum, max, unique and latest';

const measureSchema = z.union(
  [
    z.literal('count'),
    z.strictObject({ sum: expression }),
    z.strictObject({ max: expression }),
    z.strictObject({ unique: expression }),
    z.strictObject({ latest: expression }),
  ],
  oneMeasure,
);

export const periods = ['month', 'day', 'now', 'all', 'billing'] as const;

const meterSchema = z
  .strictObject({
    /** Short enough for a table of 80 columns; default: the name of the meter. */
    label: z.string().min(1).optional(),
    /** Printed with `--explain`; default: made from the declaration. */
    definition: z.string().min(1).optional(),
    from: fromClause,
    /** The id of the subject. */
    subject: expression,
    /** The time of an event; absent: a level, which is measured now. */
    at: expression.optional(),
    where: expression.optional(),
    measure: measureSchema,
    unit: z.string().min(1).optional(),
    /** Default: `month` with `at`, `now` without. */
    period: z.enum(periods).optional(),
    /** The name of its limit; default: the name of the meter. */
    limit: z.string().min(1).optional(),
    /** Describes the rows that a `unique` meter does not count, because their value is NULL. */
    uncounted: z.string().min(1).optional(),
  })
  .refine(({ at, period }) => at !== undefined || !period || period === 'now' || period === 'all', {
    message: 'a meter without at is a level: its period is now',
    path: ['period'],
  })
  .refine(({ at, measure }) => at !== undefined || !isObject(measure, 'latest'), {
    message: 'a meter of the latest value needs at',
    path: ['at'],
  });

function isObject(measure: z.infer<typeof measureSchema>, kind: string): boolean {
  return typeof measure === 'object' && kind in measure;
}

/** `usage` of the configuration: subjects, plans, limits and meters. */
export const usageSchema = z.strictObject({
  subjects: subjectsSchema,
  limits: z.union([limitsTableSchema, limitsLiteralSchema]).optional(),
  /** The part of a limit from which on a figure is `warn` (default: 0.8). */
  warnAt: z.number().gt(0).max(1).default(0.8),
  meters: z.record(declaredName, meterSchema),
});

export type Usage = z.infer<typeof usageSchema>;
export type Meter = z.infer<typeof meterSchema>;
export type LimitsTable = z.infer<typeof limitsTableSchema>;
