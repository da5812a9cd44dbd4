import { execFileSync } from 'node:child_process';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import type { Databases } from './databases.ts';
import { peerVersions } from './peers.ts';
import { psqlVersion } from './tools.ts';

/** Where and with what a run was made, a line each. */
export async function describeMachine(databases: Databases): Promise<string[]> {
  const [first] = cpus();
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  const [server] = await databases.query<Record<string, string>>(
    'postgres',
    `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
       current_setting('synchronous_commit') AS commit, current_setting('full_page_writes') AS pages`,
  );
  const peers = Object.entries(peerVersions()).map(([name, version]) => `${name} ${version}`);
  return [
    `${new Date().toISOString().slice(0, 10)}, commit ${commit()}`,
    `${cpus().length} × ${first?.model.trim() ?? 'unknown CPU'}, ${gibibytes} GiB, ${platform()} ${arch()} ${release()}; load at the start ${loadavg()[0]?.toFixed(1)}`,
    `Node ${process.versions.node}; PostgreSQL ${server?.['version']} (fsync ${server?.['fsync']}, synchronous_commit ${server?.['commit']}, full_page_writes ${server?.['pages']}); ${psqlVersion() ?? 'no psql'}`,
    peers.join(', '),
  ];
}

function commit(): string {
  const options = { cwd: import.meta.dirname, encoding: 'utf8' } as const;
  try {
    const hash = execFileSync('git', ['rev-parse', '--short', 'HEAD'], options).trim();
    const changes = execFileSync('git', ['status', '--porcelain', '..'], options).trim();
    return changes ? `${hash} with uncommitted changes` : hash;
  } catch {
    return 'unknown';
  }
}
