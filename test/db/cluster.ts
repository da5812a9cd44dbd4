import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { app } from './app-role.ts';
import type { ServerUser } from './server-user.ts';

const options = [
  '--username=postgres',
  '--auth=trust',
  '--encoding=UTF8',
  '--locale=C',
  '--no-sync',
];

const accessRules = `
host all ${app.user} 127.0.0.1/32 scram-sha-256
host all all         127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
`;

/** Makes the empty cluster `data`, where everyone but the role `app` is trusted. */
export async function createCluster(initdb: string, data: string, user: ServerUser): Promise<void> {
  // The working directory of the tests may be closed to the user.
  const execution = { ...user, cwd: dirname(data) };
  await promisify(execFile)(initdb, [...options, '-D', data], execution);
  await writeFile(join(data, 'pg_hba.conf'), accessRules);
}
