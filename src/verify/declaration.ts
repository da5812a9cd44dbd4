import * as z from 'zod';
import { duration } from '../declared/definition.ts';

/** A check of one's own: each row that its SQL returns is a finding. */
export const dataCheckSchema = z
  .strictObject({
    severity: z.enum(['error', 'warning', 'info']).default('error'),
    /** The migration from which on it applies; absent: always. */
    since: z.string().min(1).optional(),
    /** Columns of the result that identify a row; absent: the first column. */
    key: z.array(z.string().min(1)).min(1).optional(),
    /** How long it may run (default: 30 seconds); 0 is no limit. */
    timeout: duration.optional(),
    /** What it asserts; the message of a finding begins with it. */
    summary: z.string().min(1).optional(),
    /** What to do about a finding. */
    help: z.string().min(1).optional(),
    sql: z.string().min(1).optional(),
    /** A file with the SQL, from the folder of the configuration. */
    file: z.string().min(1).optional(),
  })
  .refine(({ sql, file }) => (sql === undefined) !== (file === undefined), {
    message: 'give sql or file',
  });

/** The code of the findings of a check, which their keys begin with, up to a colon. */
export const checkName = z
  .string()
  .regex(/^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u, 'expected letters, digits, _, - and .');

/** `checks` of the configuration, by the code of their findings. */
export const dataChecksSchema = z.record(checkName, dataCheckSchema);

export type DataCheck = z.infer<typeof dataCheckSchema>;

const percent = z.number().min(0).max(100);

/** Limits from which on a check reports. */
export const thresholdsSchema = z
  .strictObject({
    /** Rows of a table from which on a missing index is a warning. */
    largeTable: z.int().min(0).default(1_000),
    /** Percentage of the values of a key that are used. */
    keyWarning: percent.default(70),
    keyError: percent.default(90),
    /** Transactions since the oldest row version that is not frozen. */
    ageWarning: z.int().min(0).default(500_000_000),
    ageError: z.int().min(0).default(1_500_000_000),
    /** Days that statistics must cover before an index is called unused. */
    unusedDays: z.number().min(0).default(30),
    /** Scans since then up to which an index is called unused. */
    unusedScans: z.int().min(0).default(0),
    /** Percentage of an index that is empty, and its least size in bytes. */
    bloatPercent: percent.default(50),
    bloatBytes: z.int().min(0).default(100_000_000),
    /** Indexes of one table. */
    manyIndexes: z.int().min(1).default(10),
    /** How long a transaction may be open. */
    longTransaction: duration.default(900_000),
  })
  .prefault({});

export type Thresholds = z.infer<typeof thresholdsSchema>;

/** `verify` of the configuration. */
export const verifySchema = z.strictObject({
  /** Schemas that an API such as PostgREST serves; absent: what the server says, if it does. */
  exposedSchemas: z.array(z.string().min(1)).optional(),
  /** Roles that the application logs in as. */
  applicationRoles: z.array(z.string().min(1)).optional(),
  /** Groups or names of checks that alone run, and that do not run. */
  only: z.array(z.string().min(1)).optional(),
  skip: z.array(z.string().min(1)).optional(),
  /** The least severity that fails. Default: `warning`. */
  failOn: z.enum(['error', 'warning', 'info']).optional(),
  thresholds: thresholdsSchema.optional(),
});

export type VerifySettings = z.infer<typeof verifySchema>;
