import { readFileSync } from 'node:fs';

/**
 * Returns a name for a running process that no other process ever has: its number, and, on Linux,
 * its start time in clock ticks and the boot they count from. A number alone is reused.
 *
 * @returns `undefined` for a process that has ended, a zombie included
 */
export function identify(pid: number): string | undefined {
  const stat = readIfReadable(`/proc/${pid}/stat`);
  if (stat === undefined) return !hasProc() && isAlive(pid) ? String(pid) : undefined;
  // The second field is the name of the program, which may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', startTime = ''] = [fields[0], fields[19]];
  return 'ZX'.includes(state) ? undefined : `${pid}-${startTime}-${boot()}`;
}

/** Returns the number in a name that `identify` gave. */
export function pidOf(identity: string): number {
  return Number.parseInt(identity, 10);
}

const hasProc = (): boolean => readIfReadable('/proc/self/stat') !== undefined;

function boot(): string {
  return readIfReadable('/proc/sys/kernel/random/boot_id')?.slice(0, 8) ?? '';
}

function readIfReadable(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
