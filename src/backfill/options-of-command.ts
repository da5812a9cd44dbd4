import { dirname, join } from 'node:path';
import * as z from 'zod';
import { knownBackfills, type KnownBackfill } from './index.ts';
import { defaults, type BackfillOptions } from './options.ts';
import type { Context } from '../context.ts';
import { DbopsError } from '../errors.ts';
import { findFolders } from '../formats/detect.ts';

/** What the commands about backfills share. */

/** The backfills of the program, of the project's files and of its configuration. */
export function backfillsOf({ settings }: Pick<Context, 'settings'>): KnownBackfill[] {
  const folders = new Set([join(settings.root, 'backfills'), ...besideMigrations(settings)]);
  return knownBackfills({
    folders: [...folders],
    ...(settings.backfills && { configured: settings.backfills }),
  });
}

/** Beside the folder, not in it: Prisma takes every folder there for a migration. */
function besideMigrations(settings: Context['settings']): string[] {
  try {
    return findFolders(settings).map(({ directory }) => join(dirname(directory), 'backfills'));
  } catch (error) {
    if (error instanceof DbopsError) return [];
    throw error;
  }
}

/** What a run needs of the command. */
export function optionsOf(context: Context): BackfillOptions {
  const { signal, progress, settings } = context;
  return {
    ...defaults,
    signal,
    lockTimeout: settings.lockTimeout,
    anotherSession: () => context.anotherSession(),
    onProgress: (line) => progress.update(line),
    onNote: (line) => context.note(line),
  };
}

/** `fail`, `skip` or `set=VALUE`. */
export const orphans = z.string().transform((word, context): BackfillOptions['orphans'] => {
  if (word === 'fail' || word === 'skip') return { policy: word };
  if (word.startsWith('set=')) return { policy: 'set', value: word.slice('set='.length) };
  context.addIssue({ code: 'custom', message: 'expected fail, skip or set=VALUE' });
  return z.NEVER;
});

const units = { '': 1, kb: 1_024, mb: 1_048_576, gb: 1_073_741_824 } as const;

/** Bytes of a size such as `64MB`. */
export const size = z.string().transform((word, context) => {
  const [, digits, unit = ''] = /^(\d+)\s*([kmg]b)?$/i.exec(word) ?? [];
  const factor = units[unit.toLowerCase() as keyof typeof units];
  if (digits !== undefined) return Number(digits) * factor;
  context.addIssue({ code: 'custom', message: 'expected a size such as 64MB' });
  return z.NEVER;
});
