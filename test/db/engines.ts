import { execFileSync } from 'node:child_process';

/** The numbers of the processes in which a process has embedded databases open. */
export function enginesOf(pid: number): number[] {
  return allEngines().flatMap(({ parent, engine }) => (parent === pid ? [engine] : []));
}

function allEngines(): { engine: number; parent: number }[] {
  const listing = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' });
  return listing.split('\n').flatMap((line) => {
    const [, engine, parent, state = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)/.exec(line) ?? [];
    const isEngine = line.includes('pglite-child') && !state.startsWith('Z');
    return isEngine ? [{ engine: Number(engine), parent: Number(parent) }] : [];
  });
}

/** Whether a process still runs; one that waits to be collected does not. */
export function isRunning(pid: number): boolean {
  return allEngines().some(({ engine }) => engine === pid);
}
