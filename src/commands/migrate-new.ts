import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import * as z from 'zod';
import { done, text } from '../report.ts';
import { defineCommand } from './command.ts';

const modulePlaceholder = `import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await sql\`SELECT 1\`.execute(db);
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql\`SELECT 1\`.execute(db);
}
`;

export const command = defineCommand({
  description: 'Writes the files of a new migration with the next free number.',
  arguments: [['<name>', 'what it does, such as add_invoices']],
  options: [['--module', 'a TypeScript module with Kysely up and down instead of two SQL files']],
  examples: ['dbops migrate new add_invoices', 'dbops migrate new split_names --module'],
  flags: z.object({
    arguments: z.tuple([
      z.string().regex(/[a-zA-Z0-9]/, 'expected a name with a letter or a digit'),
    ]),
    module: z.boolean().default(false),
  }),
  async run({ settings, io }, { arguments: [name], module }) {
    const directory = settings.migrations ?? join(settings.root, 'migrations');
    mkdirSync(directory, { recursive: true });
    const stem = `${nextNumber(readdirSync(directory))}_${slug(name)}`;
    const files: [string, string][] = module
      ? [[`${stem}.ts`, modulePlaceholder]]
      : [
          [`${stem}.up.sql`, `-- ${name}\n`],
          [`${stem}.down.sql`, `-- undoes: ${name}\n`],
        ];
    const written = files.map(([file, content]) => {
      const path = join(directory, file);
      writeFileSync(path, content, { flag: 'wx' });
      return relative(io.cwd, path);
    });
    return done(
      { files: written },
      ...written.map((file) => text(`✓ ${file}`)),
      text('→ Write them, then: dbops migrate up'),
    );
  },
});

function nextNumber(files: readonly string[]): string {
  const highest = Math.max(0, ...files.map((file) => Number.parseInt(file, 10) || 0));
  return String(highest + 1).padStart(4, '0');
}

function slug(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_|_$/g, '');
}
