import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { targets } from '../db/targets.ts';
import { commitAll, gitIn } from './git.ts';
import { projectOn, withProject, writeProject, type Document, type Project } from './project.ts';

const target = targets[0];
if (!target) throw new Error('there is no database to test with');

const files = {
  '0001_a.up.sql': 'CREATE TABLE a (id int);\n',
  '0002_b.up.sql': '-- the second\nCREATE TABLE b (id int);\n',
};

const on = (test: (project: Project) => Promise<void>) => withProject(target, files, test);

const finding = z.object({
  code: z.string(),
  severity: z.string(),
  message: z.string(),
  help: z.string(),
  where: z.object({ object: z.string() }),
});

function findingsOf(document: Document) {
  return z.array(finding).parse(document['findings']);
}

/** @returns the commit */
function commitMigrations({ root }: Project): string {
  commitAll(root);
  return gitIn(root)('rev-parse', 'HEAD').toString().trim();
}

/** The finding about an edit of the second migration, after both were applied. */
async function editFinding(project: Project, text: string, ending = '0002_b.up.sql') {
  await project.dbops('migrate', 'up');
  project.write({ [ending]: text });
  const status = await project.json('migrate', 'status', '--check');
  expect(status.exitCode).toBe(6);
  const [only, ...others] = findingsOf(status);
  expect(others).toEqual([]);
  expect(only).toMatchObject({ code: 'edited', severity: 'error', where: { object: '0002_b' } });
  return only;
}

describe('migrate status says of an edited file', () => {
  it('that only its end differs', () =>
    on(async (project) => {
      const edit = await editFinding(project, files['0002_b.up.sql'].trimEnd());
      expect(edit?.message).toContain('white space at its end');
    }));

  it('that only comments and layout differ, and which commit has it as it was applied', () =>
    on(async (project) => {
      const commit = commitMigrations(project);
      const edit = await editFinding(project, 'CREATE TABLE b\n  (id int) /* the second */;');
      expect(edit?.message).toContain('its statements are the same');
      expect(edit?.help).toMatch(
        new RegExp(`git checkout ${commit.slice(0, 12)} -- \\S*migrations/0002_b\\.up\\.sql$`),
      );
    }));

  it.each([
    ['a type', 'CREATE TABLE b (id bigint);'],
    ['a constant', 'CREATE TABLE b (id int DEFAULT 1);'],
    ['the order of statements', 'SELECT 2; SELECT 1;'],
    ['a text that does not parse', 'CREATE TABLE'],
  ])('that its content differs: %s', (_, text) =>
    on(async (project) => {
      commitMigrations(project);
      expect((await editFinding(project, text))?.message).toContain('its content differs');
    }),
  );

  it('that the difference is not known, without version control', () =>
    on(async (project) => {
      const edit = await editFinding(project, 'SELECT 1');
      expect(edit?.message).toContain('could not be found');
    }));

  it('nothing of another version that was never applied', () =>
    on(async (project) => {
      project.write({ '0002_b.up.sql': 'SELECT 3' });
      commitMigrations(project);
      project.write(files);
      const edit = await editFinding(project, 'SELECT 4');
      expect(edit?.message).toContain('could not be found');
    }));
});

describe('migrate status finds', () => {
  it('nothing where folder and database agree', () =>
    on(async (project) => {
      await project.dbops('migrate', 'up');
      const status = await project.json('migrate', 'status', '--check');
      expect(status).toMatchObject({ exitCode: 0, findings: [] });
    }));

  it('a recorded name with quotes, and advice that can be pasted all the same', () =>
    on(async (project) => {
      await project.dbops('migrate', 'up');
      mkdirSync(join(project.root, '.git'));
      const name = `x'; echo pwned; echo '`;
      await project.query('INSERT INTO dbops.migrations (name, hash) VALUES ($1, $2)', [name, 'x']);
      const [found] = findingsOf(await project.json('migrate', 'status'));
      const command = found?.help.replace('git log --diff-filter=D --summary', 'printf %s');
      const pasted = command?.slice(command.indexOf('printf'));
      expect(execFileSync('bash', ['-c', `${pasted} || true`], { encoding: 'utf8' })).toBe('');
    }));

  it('a recorded name without a file, and how to look for it', () =>
    on(async (project) => {
      await project.dbops('migrate', 'up');
      mkdirSync(join(project.root, '.git'));
      await project.query(`INSERT INTO dbops.migrations (name, hash) VALUES ('0003_gone', 'x')`);
      const status = await project.json('migrate', 'status', '--check');
      expect(status.exitCode).toBe(6);
      expect(findingsOf(status)).toMatchObject(
        [
          { code: 'missing-file', where: { object: '0003_gone' }, help: /git log --diff-filter=D/ },
        ].map(({ help, ...rest }) => ({ ...rest, help: expect.stringMatching(help) })),
      );
    }));

  it('rows in another order than the folder’s, which alone is no fault', () =>
    on(async (project) => {
      await project.dbops('migrate', 'up');
      await project.query(
        `UPDATE dbops.migrations SET applied_at = applied_at + interval '1 day' WHERE name = '0001_a'`,
      );
      const status = await project.json('migrate', 'status', '--check');
      expect(status.exitCode).toBe(0);
      expect(findingsOf(status)).toMatchObject([
        { code: 'recorded-late', severity: 'info', where: { object: '0001_a' } },
      ]);
    }));

  it('a file that was interrupted, which the next run finishes', () =>
    on(async (project) => {
      await project.dbops('migrate', 'up');
      const half = `-- dbops: no-transaction\nCREATE TABLE c ();\nSELECT 1/(count(*)) FROM a;`;
      project.write({ '0003_c.up.sql': half });
      expect((await project.json('migrate', 'up')).exitCode).toBe(1);
      const status = await project.json('migrate', 'status', '--check');
      expect(status.exitCode).toBe(4);
      expect(findingsOf(status)).toMatchObject([
        { code: 'half-done', where: { object: '0003_c' }, help: 'To continue: dbops migrate up' },
      ]);
      await project.query('INSERT INTO a VALUES (1)');
      expect((await project.json('migrate', 'up')).exitCode).toBe(0);
      expect(findingsOf(await project.json('migrate', 'status', '--check'))).toEqual([]);
    }));

  it('two migrations of one number, and a late one, with the fix on the screen', () =>
    on(async (project) => {
      await project.dbops('migrate', 'up');
      project.write({
        '0003_c.up.sql': 'SELECT 1',
        '0003_d.up.sql': 'SELECT 1',
        '0005_e.up.sql': 'SELECT 1',
      });
      await project.dbops('migrate', 'up', '--to', '0002_b');
      const { stdout } = await project.dbops('migrate', 'status');
      expect(stdout).toMatch(/error duplicate {2}0003_c/);
      expect(stdout).toMatch(/error duplicate {2}0003_d/);
      expect(stdout).toContain('→ Rename the newer one');
    }));
});

describe('migrate status without a database', () => {
  it('says what is wrong with the folder all the same, and why it knows no more', () => {
    const journal = { dialect: 'postgresql', entries: [{ idx: 0, when: 1, tag: '0000_gone' }] };
    const root = writeProject({ 'drizzle/meta/_journal.json': JSON.stringify(journal) });
    return projectOn('postgres://nobody@127.0.0.1:1/none', root)
      .json('migrate', 'status', '--check')
      .then((status) => {
        expect(status).toMatchObject({ exitCode: 3, ok: false, migrations: [] });
        expect(findingsOf(status)).toMatchObject([{ code: 'missing-file', severity: 'error' }]);
      });
  });
});
