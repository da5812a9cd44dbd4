import type { CommandEntry } from '../command.ts';

/** Every command, in the order of the help. */
export const commands: CommandEntry[] = [
  {
    words: 'demo',
    summary: 'walk through every feature on a temporary embedded database',
    load: () => import('./demo.ts'),
  },
  {
    words: 'init',
    summary: 'create dbops.config.ts for the detected migrations folder',
    load: () => import('./init.ts'),
  },
  {
    words: 'doctor',
    summary: 'check connection, version, privileges, pooler, clock and locks',
    load: () => import('./doctor.ts'),
  },
  {
    words: 'env show',
    summary: 'show the environment label of the database',
    load: () => import('./env/show.ts'),
  },
  {
    words: 'env set',
    summary: 'set the environment label, and protect the database',
    load: () => import('./env/set.ts'),
  },
  {
    words: 'migrate status',
    summary: 'list applied and pending migrations',
    load: () => import('./migrate/status.ts'),
  },
  {
    words: 'migrate plan',
    summary: 'show what pending migrations will lock, and for how long',
    load: () => import('./migrate/plan.ts'),
  },
  {
    words: 'migrate up',
    summary: 'apply pending migrations',
    load: () => import('./migrate/up.ts'),
  },
  {
    words: 'migrate down',
    summary: 'roll back migrations',
    load: () => import('./migrate/down.ts'),
  },
  {
    words: 'migrate redo',
    summary: 'roll back migrations and apply them again',
    load: () => import('./migrate/redo.ts'),
  },
  {
    words: 'migrate baseline',
    summary: 'record migrations whose schema already exists',
    load: () => import('./migrate/baseline.ts'),
  },
  {
    words: 'migrate new',
    summary: 'create a migration',
    load: () => import('./migrate/new.ts'),
  },
  {
    words: 'migrate squash',
    summary: 'replace several migrations by one',
    load: () => import('./migrate/squash.ts'),
  },
  {
    words: 'migrate expand-contract',
    summary: 'split a migration in two, with a backfill between them',
    load: () => import('./migrate/expand-contract.ts'),
  },
  {
    words: 'schema dump',
    summary: 'write the schema of the database as SQL',
    load: () => import('./schema/dump.ts'),
  },
  {
    words: 'stats export',
    summary: 'write the sizes of tables and indexes as JSON',
    load: () => import('./stats/export.ts'),
  },
  {
    words: 'rescue list',
    summary: 'list rows that migrations destroyed and dbops saved',
    load: () => import('./rescue/list.ts'),
  },
  {
    words: 'rescue restore',
    summary: 'restore saved rows',
    load: () => import('./rescue/restore.ts'),
  },
  {
    words: 'rescue drop',
    summary: 'delete saved rows for good',
    load: () => import('./rescue/drop.ts'),
  },
  {
    words: 'repair-tracking',
    summary: 'prove which migrations are applied, and repair the tracking table',
    load: () => import('./repair-tracking.ts'),
  },
  {
    words: 'backfill list',
    summary: 'list the defined backfills',
    load: () => import('./backfill/list.ts'),
  },
  {
    words: 'backfill run',
    summary: 'fill a column in batches while the table is in use',
    load: () => import('./backfill/run.ts'),
  },
  {
    words: 'backfill status',
    summary: 'show the progress of a backfill, and what slows it',
    load: () => import('./backfill/status.ts'),
  },
  {
    words: 'backfill pause',
    summary: 'pause a running backfill',
    load: () => import('./backfill/pause.ts'),
  },
  {
    words: 'backfill resume',
    summary: 'resume a paused backfill',
    load: () => import('./backfill/resume.ts'),
  },
  {
    words: 'seed',
    summary: 'insert the declared test data',
    load: () => import('./seed.ts'),
  },
  {
    words: 'verify',
    summary: 'compare the database with its migrations',
    load: () => import('./verify.ts'),
  },
  {
    words: 'check',
    summary: 'check the migrations folder without a database',
    load: () => import('./check.ts'),
  },
  {
    words: 'report usage',
    summary: 'usage and limits by subject and meter',
    load: () => import('./report/usage.ts'),
  },
  {
    words: 'report credits',
    summary: 'credits granted, used and left by holder',
    load: () => import('./report/credits.ts'),
  },
  {
    words: 'report ledger',
    summary: 'opening, in, out and closing of the credit ledger',
    load: () => import('./report/ledger.ts'),
  },
  {
    words: 'report reconcile',
    summary: 'balances that differ from the credit ledger',
    load: () => import('./report/reconcile.ts'),
  },
  {
    words: 'report list',
    summary: 'list the reports, your own and those of dbops',
    load: () => import('./report/list.ts'),
  },
  {
    words: 'report sql',
    summary: 'run a query from a file or stdin, read-only',
    load: () => import('./report/sql.ts'),
  },
  {
    words: 'report',
    summary: 'usage, credits, and reports of your own',
    load: () => import('./report/named.ts'),
  },
  {
    words: 'mcp',
    summary: 'serve read-only tools to AI assistants (MCP)',
    load: () => import('./mcp.ts'),
  },
  {
    words: 'completion',
    summary: 'print the completion script of a shell',
    load: () => import('./completion.ts'),
  },
];

/** The summaries of the nouns that have several verbs. */
export const groups: Record<string, string> = {
  env: 'the environment label that is stored in the database',
  migrate: 'apply, roll back and create migrations',
  schema: 'the schema of the database as SQL',
  stats: 'sizes of tables and indexes',
  rescue: 'rows that migrations and rollbacks destroyed',
  backfill: 'fill columns of tables that are in use',
  report: 'usage, credits, and reports of your own',
};
