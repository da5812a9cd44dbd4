import * as z from 'zod';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from '../../src/db/session.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import type { Report } from '../../src/report.ts';
import { splitStatements } from '../../src/sql/statements.ts';

const root = join(import.meta.dirname, '..', '..');

/** Applies the project's migrations: those after one number up to another, such as `0004`. */
export async function applyMigrations(
  session: Session,
  { after = '0000', last = '9999' } = {},
): Promise<void> {
  for (const { name, up } of readFolder({ root }).migrations) {
    const number = name.slice(0, 4);
    if (number <= after || number > last) continue;
    const source = await readFile(up.file, 'utf8');
    // One statement a message: 0008 builds indexes CONCURRENTLY, which no transaction may hold.
    for (const { sql } of await splitStatements(source)) await session.script(sql);
  }
}

const document = z.object({
  period: z.object({ from: z.coerce.date(), to: z.coerce.date() }),
  rows: z.array(z.record(z.string(), z.unknown())),
  totals: z.record(z.string(), z.unknown()),
  notes: z.array(z.string()),
});

/** What a report answers, typed. */
export function documentOf({ data }: Report): z.infer<typeof document> {
  return document.parse(data);
}
