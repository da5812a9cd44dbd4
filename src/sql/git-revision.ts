import { execFile, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { usageError, type DbopsError } from '../errors.ts';
import { shellWord } from '../output/shell.ts';

/** Milliseconds for one git command. */
const timeoutMs = 30_000;

/** A revision that a branch is compared with. */
export interface BaseRevision {
  /** As it was given, such as `origin/main`. */
  revision: string;
  commit: string;
  /** The commit at which the branch started; absent where the histories have none in common. */
  fork?: string;
}

/**
 * Returns the commits of a revision, from the repository of a directory.
 *
 * @throws usage error with the git command that helps: not a repository, unknown revision, shallow clone
 */
export async function findBase(directory: string, revision: string): Promise<BaseRevision> {
  const git = gitIn(directory);
  const top = await git('rev-parse', '--show-toplevel');
  if (!top.ok) throw notARepository(directory, top.error);
  const isOption = revision.startsWith('-');
  const found = isOption ? undefined : await git('rev-parse', '--verify', `${revision}^{commit}`);
  if (!found?.ok) throw unknownRevision(revision, found?.error ?? []);
  const commit = found.output.toString().trim();
  const fork = await git('merge-base', 'HEAD', commit);
  if (fork.ok) return { revision, commit, fork: fork.output.toString().trim() };
  const shallow = await git('rev-parse', '--is-shallow-repository');
  if (shallow.ok && shallow.output.toString().trim() === 'true') throw shallowClone(revision);
  return { revision, commit };
}

/**
 * Writes the files that a commit has in a directory to another directory.
 *
 * @returns the names, relative to the directory
 */
export async function exportFiles(
  directory: string,
  commit: string,
  into: string,
): Promise<string[]> {
  const listed = await gitIn(directory)('ls-tree', '-r', '-z', commit);
  if (!listed.ok) return [];
  const files = listed.output
    .toString()
    .split('\0')
    .flatMap((line) => {
      const [, id, name] = /^\d+ blob ([0-9a-f]+)\t([^]+)$/.exec(line) ?? [];
      return id !== undefined && name !== undefined ? [{ id, name }] : [];
    });
  const contents = await readBlobs(
    directory,
    files.map(({ id }) => id),
  );
  for (const [at, { name }] of files.entries()) {
    const file = join(into, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contents[at] ?? '');
  }
  return files.map(({ name }) => name);
}

/** Returns the contents of blobs, in one process of git. */
async function readBlobs(directory: string, ids: readonly string[]): Promise<Buffer[]> {
  if (ids.length === 0) return [];
  const output = await new Promise<Buffer>((resolve, reject) => {
    const git = spawn('git', ['cat-file', '--batch'], { cwd: directory, timeout: timeoutMs });
    const chunks: Buffer[] = [];
    git.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    git.on('error', reject);
    git.on('close', () => resolve(Buffer.concat(chunks)));
    git.stdin.on('error', () => {}); // git ended; its output is then incomplete
    git.stdin.end(`${ids.join('\n')}\n`);
  });
  let at = 0;
  return ids.map((id) => {
    const end = output.indexOf('\n', at);
    const size = Number(output.toString('latin1', at, end).split(' ')[2]);
    if (end < 0 || !Number.isInteger(size)) throw incomplete(id);
    at = end + size + 2;
    return output.subarray(end + 1, end + 1 + size);
  });
}

type Answer = { ok: true; output: Buffer } | { ok: false; error: string[] };

/** Returns a function that runs git: its output, or what it wrote to stderr. */
function gitIn(cwd: string): (...words: string[]) => Promise<Answer> {
  return (...words) =>
    new Promise((resolve) => {
      const options = {
        cwd,
        timeout: timeoutMs,
        maxBuffer: 256 * 1024 * 1024,
        encoding: 'buffer',
      } as const;
      execFile('git', words, options, (error, output, stderr) => {
        const lines = stderr.toString().trim().split('\n').filter(Boolean);
        resolve(
          error
            ? { ok: false, error: lines.length > 0 ? lines : [error.message] }
            : { ok: true, output },
        );
      });
    });
}

function notARepository(directory: string, reason: string[]): DbopsError {
  const isOwners = reason.some((line) => line.includes('safe.directory'));
  return usageError(
    'CHECK.GIT',
    `Cannot read the git repository of ${directory}.`,
    isOwners
      ? `git config --global --add safe.directory ${shellWord(directory)}`
      : 'Run the command in the repository of the migrations, or leave out --base.',
    reason,
  );
}

function unknownRevision(revision: string, reason: string[]): DbopsError {
  const [, remote = 'origin', branch = revision] = /^(origin|upstream)\/(.+)$/.exec(revision) ?? [];
  return usageError(
    'CHECK.BASE',
    `git does not know the revision ${revision}.`,
    `Fetch it, then run the command again: git fetch ${remote} ${shellWord(branch)}`,
    reason,
  );
}

function shallowClone(revision: string): DbopsError {
  return usageError(
    'CHECK.SHALLOW',
    `The clone is shallow, so git cannot find the commit at which the branch left ${revision}.`,
    'Fetch the history, then run the command again: git fetch --unshallow origin (with actions/checkout: fetch-depth: 0)',
  );
}

function incomplete(id: string): DbopsError {
  return usageError(
    'CHECK.GIT',
    `git does not have the content ${id}.`,
    'Fetch what is missing, then run the command again: git fetch origin',
  );
}
