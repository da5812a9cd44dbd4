import { execFileSync } from 'node:child_process';

/** Returns a function that runs git in a directory, as an author of its own. */
export function gitIn(cwd: string): (...words: string[]) => Buffer {
  const author = ['-c', 'user.name=t', '-c', 'user.email=t@t'];
  return (...words) => execFileSync('git', [...author, ...words], { cwd });
}

/** Makes a directory a repository in which all of its files are committed. */
export function commitAll(cwd: string): void {
  const git = gitIn(cwd);
  git('init', '--quiet');
  git('add', '.');
  git('commit', '--quiet', '-m', 'first');
}
