import { withContext, type Context } from '../context.ts';
import { loadDemoSales, packagedMigrations } from '../default-project.ts';
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
  /** What a person would type, or what happens otherwise. */
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
    title: '… and the application sells for a while, before purchases know their organization',
    play: sellForAWhile,
  },
  run('migrate up --to 0007_tenancy_expand', migrateUp, { to: '0007_tenancy_expand' }),
  run('backfill run organization-id', backfillRun, { arguments: ['organization-id'] }),
  run('migrate up', migrateUp),
  run('seed', seed),
  run('verify', verify),
  run('report usage --org acme-studio-test', reportUsage, { org: 'acme-studio-test' }),
  run('report credits', reportCredits),
  run('migrate down', migrateDown),
  run('migrate up', migrateUp),
];

const next: Block[] = [
  text('\nNow on your own database:', 'good'),
  text(
    '  export DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE\n  npx dbops doctor\n  npx dbops migrate up --dry-run',
  ),
];

export const command = defineCommand({
  description:
    'Plays the whole story on a throw-away embedded database: an old schema with rows, a backfill, the rest of the migrations, seeds, checks, reports, a rollback. Needs no server and leaves nothing behind.',
  examples: ['dbops demo', 'npm run demo'],
  flags: none,
  async run(context) {
    const { io, flags, application } = context;
    const settings = {
      ...context.settings,
      target: () => ({ target: { kind: 'pglite' as const, directory: null }, source: 'the demo' }),
      migrations: packagedMigrations(),
    };
    const show = async (blocks: Block[]) =>
      void (
        flags.json || io.stdout.write(await toText(blocks, screenOf(io.stdout, io.environment)))
      );
    const steps: { command: string; data: Report['data'] }[] = [];
    await withContext(
      {
        command: 'demo',
        application,
        settings,
        io,
        flags: { ...flags, quiet: flags.quiet || flags.json === true },
      },
      async (stage) => {
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
  const counts = await sellForAWhileOn(await context.session());
  return done(counts, text(`  ${counts.purchases} purchases and ${counts.access} access rows`));
}
