import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Maximum number of versions that are read. */
const deepest = 50;

/** Milliseconds for one git command. */
const timeoutMs = 5_000;

/** Yields the versions of a file in git, newest first; none without git or a repository. */
export async function* versionsOf(file: string): AsyncGenerator<{ commit: string; text: string }> {
  const path = `./${basename(file)}`;
  const git = await gitIn(dirname(file));
  const log = await git('log', '--format=%H', `-${deepest}`, '--', path);
  for (const commit of log?.split('\n').filter(Boolean) ?? []) {
    const text = await git('show', `${commit}:${path}`);
    if (text !== undefined) yield { commit, text };
  }
}

/** A deleted file, as in the commit before its deletion. */
export interface FormerFile {
  path: string;
  commit: string;
  text: string;
}

/** Yields files below a directory that were deleted or renamed in git, newest first. */
export async function* formerFiles(directory: string): AsyncGenerator<FormerFile> {
  const git = await gitIn(directory);
  const format = '--format=commit %H';
  const log = await git('log', format, '--name-only', '--no-renames', '--diff-filter=D', '--', '.');
  const top = (await git('rev-parse', '--show-toplevel'))?.trim();
  let commit = '';
  let left = deepest;
  for (const line of log?.split('\n').filter(Boolean) ?? []) {
    if (line.startsWith('commit ')) commit = `${line.slice('commit '.length)}^`;
    else if (left-- > 0 && top !== undefined) {
      const text = await git('show', `${commit}:${line}`);
      if (text !== undefined) yield { path: `${top}/${line}`, commit, text };
    }
  }
}

/**
 * Returns the files of a directory that git shows as renamed without a change of their text, committed or
 * not: the present name by each former one.
 */
export async function renamedFiles(directory: string): Promise<Map<string, string>> {
  const git = await gitIn(directory);
  const options = ['--name-status', '--find-renames=100%', '--diff-filter=R', '--relative'];
  const past = await git('log', '--format=', ...options, '--', '.');
  const uncommitted = await git('diff', 'HEAD', ...options, '--', '.');
  const present = new Map<string, string>();
  // Newest first: the name that a later rename gave is known when an earlier one is read.
  for (const line of `${uncommitted ?? ''}\n${past ?? ''}`.split('\n')) {
    const [status = '', before = '', after = ''] = line.split('\t');
    if (status === 'R100' && !present.has(before)) present.set(before, present.get(after) ?? after);
  }
  return present;
}

/**
 * Returns the files that differ from the last commit, or that it lacks; undefined without git or a
 * repository, and for ignored files.
 */
export async function uncommittedFiles(
  directory: string,
  files: readonly string[],
): Promise<string[] | undefined> {
  const git = await gitIn(directory);
  const options = ['--no-optional-locks', '--literal-pathspecs'];
  const output = ['--porcelain', '-z', '--untracked-files=all'];
  const status = await git(...options, 'status', ...output, '--', ...files);
  const entries = status?.split('\0').filter(Boolean);
  return entries?.map((entry) => entry.slice('XY '.length));
}

/** Returns whether a directory is in a repository that has a commit of it. */
export async function isCommitted(directory: string): Promise<boolean> {
  const git = await gitIn(directory);
  return Boolean((await git('log', '-1', '--format=%H', '--', '.'))?.trim());
}

/** Maximum number of states of a directory that are read. */
const mostFolders = 20;

/**
 * Calls `visit` with the path of a copy of a directory as it was before each commit that deleted files of
 * it, the newest first, and as it was last committed; until `visit` returns true. Nothing without git.
 */
export async function visitFormerFolders(
  directory: string,
  visit: (copy: string, names: string[]) => Promise<boolean>,
): Promise<void> {
  const git = await gitIn(directory);
  const log = await git(
    'log',
    '--format=%H',
    `-${mostFolders}`,
    '--no-renames',
    '--diff-filter=D',
    '--',
    '.',
  );
  const prefix = (await git('rev-parse', '--show-prefix'))?.trim();
  const top = (await git('rev-parse', '--show-toplevel'))?.trim();
  if (log === undefined || prefix === undefined || !top) return;
  const commits = [
    'HEAD',
    ...log
      .split('\n')
      .filter(Boolean)
      .map((commit) => `${commit}^`),
  ];
  const { mkdtemp, readdir, rm } = await import('node:fs/promises');
  for (const commit of commits) {
    const root = await mkdtemp(join(tmpdir(), 'dbops-former-'));
    try {
      // An index of its own: that of the repository stays as it is.
      const env = { ...process.env, GIT_INDEX_FILE: join(root, 'index') };
      const copy = join(root, 'folder');
      const inOwnIndex = await gitIn(top, env);
      if ((await inOwnIndex('read-tree', `${commit}:${prefix}`)) === undefined) continue;
      if ((await inOwnIndex('checkout-index', '--all', `--prefix=${copy}/`)) === undefined)
        continue;
      const names = await readdir(copy).catch(() => []);
      if (await visit(copy, names)) return;
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  }
}

/** Returns a function that runs git: its output, or undefined when it fails. */
async function gitIn(cwd: string, env?: NodeJS.ProcessEnv) {
  const { execFile } = await import('node:child_process');
  return (...words: string[]) =>
    new Promise<string | undefined>((resolve) => {
      const options = { cwd, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024, ...(env && { env }) };
      execFile('git', words, options, (error, stdout) => resolve(error ? undefined : stdout));
    });
}
