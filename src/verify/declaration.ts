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
