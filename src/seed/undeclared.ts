import { usageError, type DbopsError } from '../errors.ts';

const example = `import { defineConfig } from 'dbops';

export default defineConfig({
  seeds: {
    users: {
      table: 'users',
      key: ['email'],
      once: ['name'],
      rows: [
        { email: 'free@example.com', name: 'Free User', plan: 'free' },
        { email: 'pro@example.com', name: 'Pro User', plan: 'pro' },
      ],
    },
  },
});`;

/** Returns the error of a project without seeds, with an example to paste. */
export function undeclared(): DbopsError {
  return usageError(
    'SEED.UNDECLARED',
    'No seeds are declared; nothing was changed.',
    'Declare them in dbops.config.ts as above, with your tables and columns; docs/seed.md has every form.',
    example.split('\n'),
  );
}
