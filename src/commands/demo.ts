import { dirname } from 'node:path';
import { withContext, type Context } from '../context.ts';
import { formatCount } from '../output/number.ts';
import { declaredOf, loadDemoSales, packagedMigrations } from '../default-project.ts';
import { screenOf } from '../output/terminal.ts';
import { toText } from '../output/text.ts';
import { done, text, type Block, type Report } from '../report.ts';
import { command as backfillRun } from './backfill/run.ts';
import { defineCommand, type Command, type RawFlags } from '../command.ts';
import { none } from '../flags.ts';
import { command as migrateDown } from './migrate/down.ts';
import { command as migrateUp } from './migrate/up.ts';
import { command as reportCredits } from './report/credits.ts';
import { command as reportUsage } from './report/usage.ts';
import { command as seed } from './seed.ts';
import { command as verify } from './verify.ts';

interface Scene {
  /** The command line, or a comment on what happens in between. */
  title: string;
  play: (context: Context) => Promise<Report>;
}

const run = (words: string, command: Command, flags: RawFlags = {}): Scene => ({
  title: `$ dbops ${words}`,
  play: (context) => command.run({ ...context, command: words }, { arguments: [[]], ...flags }),
});

const scenes: Scene[] = [
  run('migrate up --to 0003_content', migrateUp, { to: '0003_content' }),
  {
    title: '# The application sells for a while; purchases have no organization yet',
    play: sellForAWhile,
  },
  run('migrate up --to 0007_tenancy_expand', migrateUp, { to: '0007_tenancy_expand' }),
  run('backfill run organization-id', backfillRun, { arguments: ['organization-id'] }),
  run('migrate up', migrateUp),
  run('seed', seed),
  run('verify', verify),
  run('report usage --subject acme-studio-test', reportUsage, { subject: 'acme-studio-test' }),
  run('report credits', reportCredits),
  run('migrate down', migrateDown),
  run('migrate up --restore', migrateUp, { restore: true }),
];

const next: Block[] = [
  text('\nOn your own database:', 'good'),
  text(
    '  export DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE\n  npx dbops doctor\n  npx dbops migrate up --dry-run',
  ),
];

export const command = defineCommand({
  description:
    'Walks through every feature on a temporary embedded database: an old schema with rows, a backfill, the remaining migrations, seeds, checks, reports and a rollback. Needs no server, asks nothing and leaves nothing behind.',
  examples: ['dbops demo', 'dbops demo --json'],
  flags: none,
  async run(context) {
    const { io, flags } = context;
    const migrations = packagedMigrations();
    const settings = {
      ...context.settings,
      declared: {}, // those of the bundled folder apply, in whatever project it runs
      target: () => ({ target: { kind: 'pglite' as const, directory: null }, source: 'the demo' }),
      migrations,
      // Declarations of the working directory are about other tables.
      root: dirname(migrations),
    };
    const steps: { command: string; data: Report['data'] }[] = [];
    await withContext(
      {
        command: 'demo',
        settings,
        declared: () => declaredOf(settings),
        io,
        // It asks nothing: a question would stand in the middle of the story.
        flags: { ...flags, input: false, quiet: flags.quiet || flags.json === true },
      },
      async (stage) => {
        const show = async (blocks: Block[]) => {
          if (flags.json) return;
          const shown = await toText(blocks, screenOf(io.stdout, io.environment));
          stage.progress.above(() => void io.stdout.write(shown));
        };
        for (const { title, play } of scenes) {
          await show([text(`\n${title}`, 'dim')]);
          const report = await play(stage);
          await show(report.blocks);
          if (report.error) throw report.error;
          steps.push({ command: title, data: report.data });
        }
      },
    );
    return done({ steps }, ...next);
  },
});

async function sellForAWhile(context: Context): Promise<Report> {
  const sellForAWhileOn = await loadDemoSales();
  const { purchases, access } = await sellForAWhileOn(await context.session());
  const line = `✓ ${formatCount(purchases)} purchases, ${formatCount(access)} access rows`;
  return done({ purchases, access }, text(line, 'good'));
}
