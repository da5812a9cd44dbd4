import { call } from './api/call.ts';
import type {
  CreditsOptions,
  DownOptions,
  LedgerOptions,
  NamedReportOptions,
  ReconcileOptions,
  SeedOptions,
  SqlOptions,
  StatusOptions,
  UpOptions,
  UsageOptions,
  VerifyOptions,
} from './api/options.ts';
import type {
  Document,
  FiguresData,
  QueryData,
  ReconcileData,
  RunData,
  SeedData,
  StatusData,
  VerifyData,
} from './documents.ts';

/**
 * The API (`docs/api.md`). Each function runs the command of its name and returns the JSON document that
 * the command prints with `--json`. It prints nothing, asks nothing, and never ends the process.
 *
 * @throws DbopsError where the command stops with an error; findings are no error: then `ok` is `false`
 */

export { defineConfig, ref, sql, type Config } from './define-config.ts';
export { DbopsError } from './errors.ts';
export type * from './api/options.ts';
export type * from './documents.ts';
export type { Finding } from './report.ts';

export const migrate = {
  /** Applies pending migrations. Of several calls at once, one applies them and the others wait. */
  async up(options: UpOptions = {}): Promise<Document<RunData>> {
    const { command } = await import('./commands/migrate/up.ts');
    return call({ words: 'migrate up', command, options, flags: options });
  },

  /** Rolls back migrations. */
  async down(options: DownOptions = {}): Promise<Document<RunData>> {
    const { command } = await import('./commands/migrate/down.ts');
    return call({ words: 'migrate down', command, options, flags: options });
  },

  /** Returns the state of every migration. */
  async status(options: StatusOptions = {}): Promise<Document<StatusData>> {
    const { command } = await import('./commands/migrate/status.ts');
    return call({ words: 'migrate status', command, options, flags: options });
  },
};

/** Inserts the declared seeds. */
export async function seed(options: SeedOptions = {}): Promise<Document<SeedData>> {
  const { command } = await import('./commands/seed.ts');
  return call({ words: 'seed', command, options, flags: options });
}

/** Compares the database with its migrations, and checks indexes, constraints and data. */
export async function verify(options: VerifyOptions = {}): Promise<Document<VerifyData>> {
  const { command } = await import('./commands/verify.ts');
  const { groups = [], ...rest } = options;
  const flags = { ...rest, arguments: [groups] satisfies [unknown] };
  return call({ words: 'verify', command, options: rest, flags });
}

export const report = {
  /** Returns the usage of every declared subject and meter against the limit of its plan. */
  async usage(options: UsageOptions = {}): Promise<Document<FiguresData>> {
    const { command } = await import('./commands/report/usage.ts');
    return call({ words: 'report usage', command, options, flags: options });
  },

  /** Returns the credits of every holder and kind. */
  async credits(options: CreditsOptions = {}): Promise<Document<FiguresData>> {
    const { command } = await import('./commands/report/credits.ts');
    return call({ words: 'report credits', command, options, flags: options });
  },

  /** Returns the movements of the credit ledger by holder in a month. */
  async ledger(options: LedgerOptions = {}): Promise<Document<FiguresData>> {
    const { command } = await import('./commands/report/ledger.ts');
    return call({ words: 'report ledger', command, options, flags: options });
  },

  /** Returns every holder whose balance is not the sum of the credit ledger. */
  async reconcile(options: ReconcileOptions = {}): Promise<Document<ReconcileData>> {
    const { command } = await import('./commands/report/reconcile.ts');
    return call({ words: 'report reconcile', command, options, flags: options });
  },

  /** Runs one query in a READ ONLY transaction and returns its rows. */
  async sql({ sql: query, ...options }: SqlOptions): Promise<Document<QueryData>> {
    const { command } = await import('./commands/report/sql.ts');
    const { options: rest, flags } = queryCall(options, '-');
    return call({ words: 'report sql', command, options: rest, flags, input: query });
  },

  /** Runs a report that the configuration or a file in `reports` declares, and returns its rows. */
  async named({ name, ...options }: NamedReportOptions): Promise<Document<QueryData>> {
    const { command } = await import('./commands/report/named.ts');
    const { options: rest, flags } = queryCall(options, name);
    return call({ words: 'report', command, options: rest, flags });
  },
};

/** Returns the options of a query as its command takes them. */
function queryCall(
  { params = {}, ...options }: Omit<NamedReportOptions, 'name'>,
  argument: string,
) {
  const param = Object.entries(params).map(
    ([name, value]) => `${name}=${value instanceof Date ? value.toISOString() : String(value)}`,
  );
  const flags = { ...options, param, isHeld: true, arguments: [argument] satisfies [unknown] };
  return { options, flags };
}
