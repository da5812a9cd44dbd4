import { commands } from './commands/index.ts';
import type { Io } from './context.ts';
import type { ExitCode } from './errors.ts';

declare const DBOPS_VERSION: string | undefined;
const version = typeof DBOPS_VERSION === 'string' ? DBOPS_VERSION : '0.0.0-source';

/**
 * Runs one command line. The version, and a command that needs no flags, do without commander, which takes
 * milliseconds to load and to build.
 *
 * @param argv the arguments without `node` and the script
 * @returns the exit code; never throws and never exits
 */
export async function main(argv: string[], io: Omit<Io, 'secrets'>): Promise<ExitCode> {
  const [word, ...others] = argv;
  if (others.length === 0 && (word === '--version' || word === '-V')) {
    io.stdout.write(`${version}\n`);
    return 0;
  }
  const entry = commands.find(({ words }) => words === argv.join(' '));
  const command = entry && (await entry.load()).command;
  if (entry && command?.defaults) {
    const { executePlain } = await import('./execute.ts');
    return executePlain({ words: entry.words, command }, io);
  }
  const { runProgram } = await import('./program.ts');
  return runProgram(argv, version, io);
}
