import type { CommandEntry } from '../command.ts';

/** Every command, in the order of the help. */
export const commands: CommandEntry[] = [
  {
    words: 'demo',
    summary: 'the whole story on a throw-away embedded database',
    load: () => import('./demo.ts'),
  },
  {
    words: 'init',
    summary: 'write dbops.config.ts after looking at the folder',
    load: () => import('./init.ts'),
  },
  {
    words: 'doctor',
    summary: 'check connection, version, rights, pooler, clock and locks',
    load: () => import('./doctor.ts'),
  },
  {
    words: 'env show',
    summary: 'show the label kept in the database',
    load: () => import('./env/show.ts'),
  },
  {
    words: 'env set',
    summary: 'label the database, and protect it',
    load: () => import('./env/set.ts'),
  },
  {
    words: 'migrate status',
    summary: 'what is applied and what is pending',
    load: () => import('./migrate/status.ts'),
  },
  {
    words: 'migrate up',
    summary: 'apply pending migrations',
    load: () => import('./migrate/up.ts'),
  },
  {
    words: 'migrate down',
    summary: 'roll migrations back',
    load: () => import('./migrate/down.ts'),
  },
  {
    words: 'migrate redo',
    summary: 'roll back, and apply again',
    load: () => import('./migrate/redo.ts'),
  },
  {
    words: 'migrate baseline',
    summary: 'record what a database has without tracking',
    load: () => import('./migrate/baseline.ts'),
  },
  {
    words: 'migrate new',
    summary: 'write the files of a new migration',
    load: () => import('./migrate/new.ts'),
  },
  {
    words: 'migrate expand-contract',
    summary: 'cut a migration in two, with a backfill between them',
    load: () => import('./migrate/expand-contract.ts'),
  },
  {
    words: 'rescue list',
    summary: 'rows that migrations destroyed, and that are kept',
    load: () => import('./rescue/list.ts'),
  },
  {
    words: 'rescue restore',
    summary: 'put kept rows back',
    load: () => import('./rescue/restore.ts'),
  },
  {
    words: 'rescue drop',
    summary: 'drop kept rows for good',
    load: () => import('./rescue/drop.ts'),
  },
  {
    words: 'repair-tracking',
    summary: 'prove what is in the database, then mend the tracking table',
    load: () => import('./repair-tracking.ts'),
  },
  {
    words: 'backfill list',
    summary: 'which backfills there are',
    load: () => import('./backfill/list.ts'),
  },
  {
    words: 'backfill run',
    summary: 'fill a column from where its value is known',
    load: () => import('./backfill/run.ts'),
  },
  {
    words: 'backfill status',
    summary: 'how far a backfill is, and what holds it up',
    load: () => import('./backfill/status.ts'),
  },
  {
    words: 'backfill pause',
    summary: 'let a running backfill wait',
    load: () => import('./backfill/pause.ts'),
  },
  {
    words: 'backfill resume',
    summary: 'let it go on',
    load: () => import('./backfill/resume.ts'),
  },
  {
    words: 'seed',
    summary: 'insert test users, plans and figures',
    load: () => import('./seed.ts'),
  },
  {
    words: 'verify',
    summary: 'compare the database with its migrations',
    load: () => import('./verify.ts'),
  },
  {
    words: 'report usage',
    summary: 'usage and limits by organization and feature',
    load: () => import('./report/usage.ts'),
  },
  {
    words: 'report credits',
    summary: 'credits granted, used and left by user',
    load: () => import('./report/credits.ts'),
  },
];

/** What the nouns with several verbs are about. */
export const groups: Record<string, string> = {
  env: 'the label kept in the database itself',
  migrate: 'migrations: status, up, down, redo, baseline, new, expand-contract',
  rescue: 'rows kept from migrations and rollbacks',
  backfill: 'fill columns of tables that are in use',
  report: 'usage and credits',
};
