import { usageError } from '../../errors.ts';
import type { Migration, Script, SqlScript } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import { readInAnyEncoding } from '../../text-file.ts';
import { findingOf, type Flaw } from '../shared/flaw.ts';
import { chainFlaw, parseCommitted, type Committed } from './committed.ts';
import type { Gmrc } from './gmrc.ts';

/** Returns `000001` for `000001-slug` and `000001.sql`: the table records no slugs. */
export function numberOf(name: string): string {
  return /^\d+/.exec(name)?.[0] ?? name;
}

/** A file of `committed/`, which is read at once and parsed when that is needed; see `FileMigration`. */
export class CommittedMigration implements Migration {
  readonly name: string;
  readonly version: string;
  up: Script;
  readonly #file: string;
  readonly #source: string;
  readonly #before: CommittedMigration | undefined;
  #committed: Committed | undefined;

  constructor(file: string, name: string, before: CommittedMigration | undefined, settings: Gmrc) {
    this.name = name;
    this.version = numberOf(name);
    this.up = new CommittedScript(file, this, settings);
    this.#file = file;
    this.#source = readInAnyEncoding(file);
    this.#before = before;
  }

  get committed(): Committed {
    return (this.#committed ??= parseCommitted(this.#source, this.name));
  }

  get hash(): string {
    return this.committed.hash;
  }

  get row(): Migration['row'] {
    const { previous } = this.committed;
    return previous ? { previous } : undefined;
  }

  /** Why graphile-migrate rejects the file. */
  get flaw(): Flaw | undefined {
    const { flaw, previous } = this.committed;
    if (flaw) return flaw;
    return previous === this.#before?.committed.declared ? undefined : chainFlaw(this.name);
  }

  /** Returns the flaw as a finding. */
  finding(): Finding | undefined {
    return this.flaw && findingOf(this.flaw, this.name, this.#file);
  }
}

class CommittedScript implements SqlScript {
  readonly kind = 'sql';
  readonly file: string;
  readonly #migration: CommittedMigration;
  readonly #settings: Gmrc;

  constructor(file: string, migration: CommittedMigration, settings: Gmrc) {
    this.file = file;
    this.#migration = migration;
    this.#settings = settings;
  }

  /** @throws usage error for a file that graphile-migrate rejects */
  get sql(): string {
    const { flaw, committed } = this.#migration;
    if (flaw) throw usageError('MIGRATION.REFUSED', flaw.message, flaw.help, [this.file]);
    return committed.sql;
  }

  get noTransaction(): boolean {
    return this.#migration.committed.noTransaction;
  }

  get sqlFor(): SqlScript['sqlFor'] {
    const { hasPlaceholder, replacePlaceholders } = this.#settings;
    const { sql } = this.#migration.committed;
    return hasPlaceholder(sql) ? (connection) => replacePlaceholders(sql, connection) : undefined;
  }
}
