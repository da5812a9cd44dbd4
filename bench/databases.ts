import pg from 'pg';

/** The databases of one server; nothing here is ever timed. */
export class Databases {
  readonly #server: string;

  constructor(server: string) {
    this.#server = server;
  }

  /** Without TLS, and said so: dbmate asks for it otherwise. */
  url(name: string): string {
    return `${this.#server}/${name}?sslmode=disable`;
  }

  /** A new database, empty or as `template`, and no dirty pages left for the next to write out. */
  async create(name: string, template = 'template0'): Promise<void> {
    await this.query('postgres', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await this.query('postgres', `CREATE DATABASE ${name} TEMPLATE ${template}`);
    await this.query('postgres', 'CHECKPOINT');
  }

  async drop(name: string): Promise<void> {
    await this.query('postgres', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }

  async query<R extends pg.QueryResultRow>(name: string, sql: string): Promise<R[]> {
    const client = new pg.Client(this.url(name));
    await client.connect();
    try {
      return (await client.query<R>(sql)).rows;
    } finally {
      await client.end();
    }
  }
}
