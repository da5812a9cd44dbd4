import pg from 'pg';

/** The empty database of every server that the databases of tests are copies of. */
export const templateName = 'test_template';

/**
 * Creates the template on a server. The first session in a database writes a file of what it has read of the
 * catalog (`pg_internal.init`), which a copy of the database has too, and one of template0 has not: nobody
 * can connect to that. A session that finds the file takes a third less CPU time to start.
 */
export async function createTemplate(adminUrl: string): Promise<void> {
  await run(adminUrl, `CREATE DATABASE ${templateName} TEMPLATE template0 STRATEGY file_copy`);
  const url = new URL(adminUrl);
  url.pathname = templateName;
  await run(url.href, 'SELECT count(*) FROM pg_class');
  // A database cannot be copied while a session is connected to it.
  await run(adminUrl, `ALTER DATABASE ${templateName} ALLOW_CONNECTIONS false`);
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(sql);
  await client.end();
}
