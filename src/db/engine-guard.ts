import { spawn, type ChildProcess } from 'node:child_process';

/**
 * A shell that outlives dbops by an instant: its input ends when dbops ends, in whatever way, and
 * it then kills the remaining engines. An engine cannot do this itself, because a statement that
 * never ends blocks its only thread.
 */
let guard: ChildProcess | undefined;
const guarded = new Set<number>();

const script = `trap '' INT TERM HUP; while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -9 $pids`;

/** @returns whether the process is guarded: there may be no shell on the machine */
export function guardEngine(pid: number): boolean {
  guard ??= startGuard();
  guarded.add(pid);
  return tell();
}

/** Forgets a process that has ended, whose number may be reused. */
export function unguardEngine(pid: number): void {
  guarded.delete(pid);
  tell();
}

function tell(): boolean {
  if (!guard) return false;
  guard.stdin?.write(`${[...guarded].join(' ')}\n`);
  return true;
}

function startGuard(): ChildProcess | undefined {
  const shell = spawn('/bin/sh', ['-c', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: {},
  });
  const lose = () => (guard = undefined);
  shell.once('error', lose).once('exit', lose);
  shell.stdin.on('error', lose);
  shell.unref();
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref();
  return shell.pid === undefined ? undefined : shell;
}
