import * as z from 'zod';
import { duration } from '../../declared/definition.ts';

/** The types of `--param`. */
export const paramTypes = ['text', 'integer', 'number', 'boolean', 'date', 'time', 'uuid'] as const;
export type ParamType = (typeof paramTypes)[number];

const paramSchema = z.union(
  [
    z.enum(paramTypes),
    z.strictObject({
      type: z.enum(paramTypes),
      default: z.union([z.string(), z.number(), z.boolean()]).optional(),
      help: z.string().optional(),
    }),
  ],
  `expected one of ${paramTypes.join(', ')}, or an object with type, default and help`,
);

/** A report of one's own: one SELECT whose parameters are written `:name`. */
export const sqlReportSchema = z
  .strictObject({
    title: z.string().min(1).optional(),
    sql: z.string().min(1).optional(),
    /** A file with the SQL, from the folder of the configuration. */
    file: z.string().min(1).optional(),
    params: z.record(z.string().regex(/^[a-z]\w*$/i), paramSchema).default({}),
    /** How long it may run (default: 30 seconds). */
    timeout: duration.optional(),
  })
  .refine(({ sql, file }) => (sql === undefined) !== (file === undefined), {
    message: 'give sql or file',
  });

/** `reports` of the configuration, by the word after `dbops report`. */
export const sqlReportsSchema = z.record(
  z.string().regex(/^[a-z][\w-]*$/i, 'expected letters, digits, _ and -'),
  sqlReportSchema,
);

export type SqlReport = z.infer<typeof sqlReportSchema>;
