/** What the server reports while it runs a statement at `client_min_messages = debug1`. */
export interface Notices {
  /** Unqualified names of tables whose rows are checked (`ATRewriteTable`, `verifying table`). */
  verified: string[];
  /** Unqualified names of tables whose rows are copied to a new file. */
  rewritten: string[];
  /** Unqualified names of foreign keys whose rows are checked. */
  foreignKeys: string[];
  /** Indexes that are built, with the unqualified names of their tables. */
  builds: { index: string; table: string }[];
  /** Objects that are dropped with CASCADE. */
  cascades: string[];
}

/** A message of the server, as pg's client emits it. */
export interface Notice {
  message?: string | undefined;
  detail?: string | undefined;
}

const patterns = {
  verified: /^verifying table "(.*)"$/s,
  rewritten: /^rewriting table "(.*)"$/s,
  foreignKey: /^validating foreign key constraint "(.*)"$/s,
  build:
    /^building index "(.*)" on table "(.*)" (?:serially|with request for \d+ parallel workers?)$/s,
  cascade: /^drop cascades to (?!\d+ other objects?$)(.*)$/s,
  cascades: /^drop cascades to \d+ other objects?$/,
};

/** Returns what messages say (server sources: tablecmds.c, index.c, dependency.c). */
export function readNotices(notices: readonly Notice[]): Notices {
  const found: Notices = { verified: [], rewritten: [], foreignKeys: [], builds: [], cascades: [] };
  for (const { message = '', detail = '' } of notices) {
    const name = (pattern: RegExp) => pattern.exec(message)?.[1];
    const verified = name(patterns.verified);
    if (verified !== undefined) found.verified.push(verified);
    const rewritten = name(patterns.rewritten);
    if (rewritten !== undefined) found.rewritten.push(rewritten);
    const foreignKey = name(patterns.foreignKey);
    if (foreignKey !== undefined) found.foreignKeys.push(foreignKey);
    const build = patterns.build.exec(message);
    if (build && !build[2]?.startsWith('pg_toast_'))
      found.builds.push({ index: build[1] ?? '', table: build[2] ?? '' });
    const cascade = name(patterns.cascade);
    if (cascade !== undefined) found.cascades.push(cascade);
    if (patterns.cascades.test(message))
      found.cascades.push(
        ...detail.split('\n').map((line) => line.replace(/^drop cascades to /, '')),
      );
  }
  return found;
}
