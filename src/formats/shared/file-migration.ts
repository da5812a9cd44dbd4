import type { Migration, Script } from '../../migration.ts';

/** What the migrations of a format have in common. */
export interface FileForm {
  /** @param source the text of the whole file */
  hashOf(source: string): string;
  /** Returns `otherHashes`. */
  otherHashesOf?(source: string): string[];
  /** Returns the rollback in a file of its own, if that exists. */
  downOf?(up: Script): Script | undefined;
  /** Returns `row`. */
  rowOf?(name: string): Migration['row'];
}

/** One migration whose file has been read. */
export interface ReadFile {
  name: string;
  version?: string | undefined;
  /** The text of the whole file. */
  source: string;
  up: Script;
  down?: Script | undefined;
  row?: Migration['row'];
}

/**
 * A migration whose hashes and rollback are computed when they are first read: a run with nothing to do needs few.
 * A class, because each object literal with accessors has a shape of its own in V8, which slows down every function
 * that a thousand of them pass through.
 */
export class FileMigration implements Migration {
  readonly name: string;
  readonly version: string | undefined;
  up: Script;
  readonly #form: FileForm;
  readonly #source: string;
  #hash: string | undefined;
  #down: Script | null | undefined;
  #row: Migration['row'];

  constructor({ name, version, source, up, down, row }: ReadFile, form: FileForm) {
    this.name = name;
    this.version = version;
    this.up = up;
    this.#form = form;
    this.#source = source;
    this.#down = down;
    this.#row = row;
  }

  get hash(): string {
    return (this.#hash ??= this.#form.hashOf(this.#source));
  }

  get otherHashes(): readonly string[] | undefined {
    return this.#form.otherHashesOf?.(this.#source);
  }

  get down(): Script | undefined {
    if (this.#down === undefined) this.#down = this.#form.downOf?.(this.up) ?? null;
    return this.#down ?? undefined;
  }

  set down(script: Script | undefined) {
    this.#down = script ?? null;
  }

  get row(): Migration['row'] {
    return (this.#row ??= this.#form.rowOf?.(this.name));
  }
}
