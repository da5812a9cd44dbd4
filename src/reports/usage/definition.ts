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

const limitValue = z.union(
  [z.number(), z.bigint(), z.literal('unlimited')],
  "expected a number, or 'unlimited'",
);

const limitsTableSchema = z.strictObject({
  from: fromClause,
  plan: expression.optional(),
  meter: expression,
  value: expression,
  where: expression.optional(),
  /** The value that means that there is no limit (default: -1). */
  unlimited: z.number().default(-1),
});

/** UsageLimits by meter, or by plan and meter. */
const limitsLiteralSchema = z.record(
  z.string(),
  z.union(
    [limitValue, z.record(z.string(), limitValue)],
    "expected a number, 'unlimited', or an object of them by meter",
  ),
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

const usageForm = z.strictObject({
  subjects: subjectsSchema,
  limits: z.union([limitsTableSchema, limitsLiteralSchema], { error: limitsForm }).optional(),
  /** The part of a limit from which on a figure is `warn` (default: 0.8). */
  warnAt: z.number().gt(0).max(1).default(0.8),
  meters: z
    .record(declaredName, meterSchema)
    .refine((meters) => Object.keys(meters).length > 0, 'expected at least one meter'),
});

/** `usage` of the configuration: subjects, plans, limits and meters. */
export const usageSchema = usageForm.superRefine((usage, context) => {
  for (const [path, message] of contradictionsOf(usage))
    context.addIssue({ code: 'custom', message, path: [...path] });
});

type Contradiction = [path: readonly string[], message: string];

/** Returns what one part of the declaration says and another part contradicts. */
function contradictionsOf({ subjects, limits, meters }: z.infer<typeof usageForm>) {
  const withoutBilling = Object.entries(meters).filter(
    ([, { period }]) => period === 'billing' && !subjects.billing,
  );
  return [
    ...withoutBilling.map(([name]): Contradiction => [
      ['meters', name, 'period'],
      'expected subjects.billing with from and to',
    ]),
    ...(limits ? contradictionsOfLimits(limits, subjects.plan !== undefined, meters) : []),
  ];
}

function contradictionsOfLimits(
  limits: UsageLimits,
  hasPlans: boolean,
  meters: z.infer<typeof usageForm>['meters'],
): Contradiction[] {
  if (isLimitsTable(limits)) {
    if (limits.plan === undefined || hasPlans) return [];
    return [[['limits', 'plan'], 'expected subjects.plan, to which it refers']];
  }
  const known = new Set(Object.entries(meters).map(([name, { limit = name }]) => limit));
  const unknown = `expected the name of a meter: ${[...known].join(', ')}`;
  return Object.entries(limits).flatMap(([key, value]): Contradiction[] => {
    if (typeof value !== 'object') return known.has(key) ? [] : [[['limits', key], unknown]];
    if (!hasPlans) return [[['limits', key], 'is a plan, but subjects.plan is not declared']];
    const wrong = Object.keys(value).filter((name) => !known.has(name));
    return wrong.map((name) => [['limits', key, name], unknown]);
  });
}

/** Says what is wrong with the form of limits that are meant as a table, or as literals. */
function limitsForm({ input }: { input?: unknown }): string {
  return typeof input === 'object' && input !== null && 'from' in input
    ? 'expected a table: from, meter and value, and where needed plan, where and unlimited'
    : "expected a number or 'unlimited' by meter, or by plan and meter";
}

export type Usage = z.infer<typeof usageSchema>;
export type Meter = Usage['meters'][string];
export type UsageLimits = NonNullable<z.infer<typeof usageForm>['limits']>;
type LimitsTable = z.infer<typeof limitsTableSchema>;

/** Returns whether limits are read from a table. A plan or a meter may have the name `from`. */
export function isLimitsTable(limits: UsageLimits): limits is LimitsTable {
  return ['from', 'meter', 'value'].every((key) => typeof Reflect.get(limits, key) === 'string');
}

export type MeasureKind = 'count' | 'sum' | 'max' | 'unique' | 'latest';

/** Returns how a meter measures, and the expression that it measures; `count` has none. */
export function measureOf({ measure }: Pick<Meter, 'measure'>): {
  kind: MeasureKind;
  sql?: string;
} {
  if (measure === 'count') return { kind: measure };
  if ('sum' in measure) return { kind: 'sum', sql: measure.sum };
  if ('max' in measure) return { kind: 'max', sql: measure.max };
  if ('unique' in measure) return { kind: 'unique', sql: measure.unique };
  return { kind: 'latest', sql: measure.latest };
}

/** Returns the period of a meter, with its default. */
export function periodOf({ at, period }: Pick<Meter, 'at' | 'period'>): (typeof periods)[number] {
  return period ?? (at === undefined ? 'now' : 'month');
}
