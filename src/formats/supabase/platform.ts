import type { Platform } from '../format.ts';
import { supabasePrelude } from './prelude.ts';
import { supabaseStandIns } from './stand-ins.ts';

/** Supabase, as its command-line tool starts it locally. */
export const supabasePlatform: Platform = {
  prelude: supabasePrelude,
  // supabase/postgres, migrations/db/init-scripts/00000000000003-post-setup.sql
  searchPath: '"$user", public, extensions',
  schemas: [
    'auth',
    'storage',
    'realtime',
    '_realtime',
    'extensions',
    'graphql',
    'graphql_public',
    'vault',
    'net',
    'cron',
    'pgsodium',
    'pgsodium_masks',
    'pgbouncer',
    'supabase_functions',
    'supabase_migrations',
    '_analytics',
    '_supavisor',
  ],
  standIns: supabaseStandIns,
};
