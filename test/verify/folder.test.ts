import { describe, expect, it } from 'vitest';
import { splitStatements } from '../../src/sql/statements.ts';
import { folderOf, runCli } from '../cli/run-cli.ts';
import { withSession } from '../db/session.ts';
import { servers, withDatabase } from '../db/targets.ts';

const files = {
  'migrations/0001_posts.up.sql': `CREATE TABLE author (id bigint PRIMARY KEY);
CREATE TABLE post (
  id bigint PRIMARY KEY,
  author_id bigint NOT NULL REFERENCES author (id),
  title text
);
CREATE INDEX post_title ON post (title);
`,
  'migrations/0002_tags.up.sql': `CREATE TABLE tag (name text);
CREATE INDEX post_title_again ON post (title);
ALTER TABLE post ADD CONSTRAINT titled CHECK (title <> '') NOT VALID;
`,
};

interface Document {
  findings: { key: string; where: { file: string; line: number } }[];
  fixes?: { key: string; sql: string; proof: string; reason?: string }[];
}

async function verify(cwd: string, words: string[], environment: Record<string, string> = {}) {
  const { exitCode, stdout } = await runCli(['verify', ...words, '--json'], { cwd, environment });
  return { exitCode, ...(JSON.parse(stdout) as Document) };
}

const places = ({ findings }: Document) =>
  findings.map(({ key, where }) => `${where.file}:${where.line} ${key}`).toSorted();

describe('verify --folder', () => {
  it('checks the migrations without a database, each finding at its statement', async () => {
    const found = await verify(folderOf(files), ['--folder']);
    expect(found.exitCode).toBe(4);
    expect(places(found)).toEqual([
      'migrations/0001_posts.up.sql:1 not-checked:rls-off',
      'migrations/0001_posts.up.sql:2 fk-without-index:post_author_id_fkey on public.post',
      'migrations/0002_tags.up.sql:1 no-primary-key:public.tag',
      'migrations/0002_tags.up.sql:2 duplicate-index:post_title_again on public.post',
      'migrations/0002_tags.up.sql:3 constraint-not-validated:titled on public.post',
    ]);
  });

  it('selects checks, and does not fail on what is left out', async () => {
    const selected = await verify(folderOf(files), [
      'tables',
      '--folder',
      '--skip',
      'no-primary-key',
    ]);
    expect(selected).toMatchObject({ exitCode: 0, findings: [] });
  });
});

describe.each(servers.slice(0, 1))('verify --fix on $name', (target) => {
  it('prints a script that corrects the findings, proven, and runs nothing', () =>
    withDatabase(target, async (url) => {
      const cwd = folderOf(files);
      const environment = { DATABASE_URL: url };
      await runCli(['migrate', 'up'], { cwd, environment });
      await withSession(url, (session) =>
        session.script(`CREATE SEQUENCE behind OWNED BY public.author.id;
          ALTER TABLE public.author ALTER COLUMN id SET DEFAULT nextval('behind');
          INSERT INTO public.author VALUES (7)`),
      );
      const words = ['health', '--fail-on', 'info', '--skip', 'server', 'security', 'unused-index'];
      const before = await verify(cwd, [...words, '--fix'], environment);
      expect(before.fixes?.map(({ key, proof }) => `${proof} ${key}`)).toEqual([
        'proven fk-without-index:post_author_id_fkey on public.post',
        'proven constraint-not-validated:titled on public.post',
        'open sequence-behind:id on public.author',
        'proven duplicate-index:post_title_again on public.post',
      ]);
      expect(places(await verify(cwd, words, environment))).toEqual(places(before));
      const script = await runCli(['verify', ...words, '--fix'], { cwd, environment });
      await withSession(url, async (session) => {
        for (const { sql } of await splitStatements(script.stdout)) await session.alone(sql);
      });
      expect(places(await verify(cwd, words, environment))).toEqual([
        'migrations/0002_tags.up.sql:1 no-primary-key:public.tag',
      ]);
    }));
});
