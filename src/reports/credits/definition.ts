import * as z from 'zod';
import { expression, fromClause } from '../../declared/definition.ts';

/** Who has credits: accounts, users. */
const holdersSchema = z.strictObject({
  from: fromClause,
  id: expression,
  /** Shown in the table and given with `--holder`; default: the id. */
  name: expression.optional(),
  where: expression.optional(),
});

/** One row for each holder and kind of credits. */
const balancesSchema = z.strictObject({
  from: fromClause,
  holder: expression,
  /** The kind of credits, such as a currency; absent: there is one. */
  kind: expression.optional(),
  granted: expression,
  used: expression,
  /** What a reset grants. */
  allocation: expression.optional(),
  /** Day of the month, 1 to 31. */
  resetDay: expression.optional(),
  periodStart: expression.optional(),
  periodEnd: expression.optional(),
  where: expression.optional(),
});

/** Entries that add up to a balance. */
const ledgerSchema = z
  .strictObject({
    from: fromClause,
    holder: expression,
    at: expression,
    /** Positive where it adds to the balance, negative where it takes from it. */
    amount: expression,
    /** The key of an entry, to name it; default: its time. */
    id: expression.optional(),
    kind: expression.optional(),
    where: expression.optional(),
    /** Which entries count; absent: all. */
    settled: expression.optional(),
    /** What the settled entries of a holder add up to. */
    equals: z
      .strictObject({
        table: fromClause,
        /** The holder in that table; default: `id` of `holders`. */
        holder: expression.optional(),
        column: expression,
        kind: expression.optional(),
        where: expression.optional(),
      })
      .optional(),
  })
  .refine(({ kind, equals }) => equals?.kind === undefined || kind !== undefined, {
    path: ['kind'],
    message: 'declare the kind of an entry, as equals.kind does of a balance',
  });

/** `credits` of the configuration: holders, balances and the ledger. */
export const creditsSchema = z
  .strictObject({
    holders: holdersSchema,
    balances: balancesSchema.optional(),
    ledger: ledgerSchema.optional(),
  })
  .refine(({ balances, ledger }) => balances !== undefined || ledger !== undefined, {
    message: 'declare balances, a ledger or both',
  });

export type Credits = z.infer<typeof creditsSchema>;
export type Balances = z.infer<typeof balancesSchema>;
export type Ledger = z.infer<typeof ledgerSchema>;
