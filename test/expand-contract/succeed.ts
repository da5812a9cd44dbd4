import type { Project } from '../migrate/project.ts';

/** Runs `dbops`, and fails with its output where the exit code is not 0. */
export async function succeed(project: Project, ...words: string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await project.dbops(...words);
  if (exitCode !== 0) throw new Error(`${words.join(' ')}: ${stdout}${stderr}`);
}
