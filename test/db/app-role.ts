import pg from 'pg';

/** The role that must give a password; it may log in and nothing more. */
export const app = { user: 'app', password: 's3cret' };

/** Makes the role on a server. */
export async function createAppRole(adminUrl: string): Promise<void> {
  const client = new pg.Client(adminUrl);
  await client.connect();
  await client.query(`CREATE ROLE ${app.user} LOGIN PASSWORD '${app.password}'`);
  await client.end();
}
