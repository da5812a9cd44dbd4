import * as z from 'zod';
import { duration } from '../../declared/definition.ts';
import { checkName } from '../declaration.ts';

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** What the last statement of a probe must do; without a key it must succeed. */
const outcome = {
  /** It fails with this SQLSTATE, such as `23514`. */
  fails: z
    .string()
    .regex(/^[0-9A-Z]{5}$/, 'expected an SQLSTATE such as 23514')
    .optional(),
  /** The constraint that rejects it. */
  constraint: z.string().min(1).optional(),
  /** It returns, or changes, this number of rows; or returns these rows, in this order. */
  returns: z.union([z.int().min(0), z.array(z.record(z.string(), value))]).optional(),
};

/** Statements that run in a transaction that is always rolled back, and what the last of them must do. */
const probeSchema = z
  .strictObject({
    severity: z.enum(['error', 'warning', 'info']).default('error'),
    /** The migration from which on it applies; absent: always. */
    since: z.string().min(1).optional(),
    /** What it asserts; the message of a finding begins with it. */
    summary: z.string().min(1).optional(),
    /** What to do about a finding. */
    help: z.string().min(1).optional(),
    /** How long it may run (default: 10 seconds); 0 is no limit. */
    timeout: duration.optional(),
    /** Statements that prepare it, as the role of the connection. */
    given: z.string().min(1).optional(),
    /** Settings of the transaction, such as `request.jwt.claims`. */
    settings: z.record(z.string(), z.string()).optional(),
    /** The role that the statements of `sql` run as. */
    as: z.string().min(1).optional(),
    sql: z.string().min(1),
    ...outcome,
  })
  .refine(({ fails, returns }) => fails === undefined || returns === undefined, {
    message: 'give fails or returns',
  })
  .refine(({ fails, constraint }) => constraint === undefined || fails !== undefined, {
    message: 'constraint needs fails',
  });

/** `probes` of the configuration, by the code of their findings. */
export const probesSchema = z.record(checkName, probeSchema);

export type Probe = z.infer<typeof probeSchema>;
