import { it } from 'vitest';
import { runCli, folderOf } from './run-cli.ts';
import { servers, withDatabase, app } from '../db/targets.ts';
const server = servers[0];
async function show(argv: string[], s = {}) {
  const a = await runCli(argv, s);
  console.log(`$ dbops ${argv.join(' ')}\n[${a.exitCode}]\n--out\n${a.stdout}--err\n${a.stderr}`);
}
it('explores', async () => {
  await withDatabase(server, async (url) => {
    await show(['--database-url', 'postgres://u:p@ss/w@h/db', 'migrate', 'status']);
    await show(['--database-url', '', 'env', 'show']);
    await show(['--database-url', 'mysql://u:p@h/db', 'env', 'show']);
    await show(['--database-url', 'postgres://u:hunter2@127.0.0.1:1/db', 'env', 'show', '--verbose']);
    await show(['--databse-url=postgres://u:hunter2@127.0.0.1:1/db', 'env', 'show']);
    await show(['--databse-url=postgres://h/db?user=x&password=hunter2', 'env', 'show']);
    await show(['env', 'show', '--json', '--foo']);
    await show(['--json']); await show([]); await show(['migrate']); await show(['help']); await show(['migrat']); await show(['migrate','sttus']);
    await show(['help','--json']); await show(['migrate', '--json']);
    await show(['migrate','new']); await show(['migrate','up','--steps','x','--database-url',url]);
    await show(['migrate','up','--wait','x','--lock-timeout','x', '--statement-timeout', '-1', '--database-url',url]);
    await show(['--version']);
    const as = new URL(url); as.username = 'app'; as.password='hunter2';
    await show(['env','show'],{environment:{DATABASE_URL: as.href}});
    as.password = app.password;
    const cwd = folderOf({'migrations/0001_a.up.sql':'create table a(b int);','migrations/0001_a.down.sql':'drop table a;'});
    await show(['migrate','up'],{environment:{DATABASE_URL: as.href}, cwd});
    await show(['env','set','x'],{environment:{DATABASE_URL: as.href}, cwd});
    await show(['migrate','up','--json'],{environment:{DATABASE_URL: as.href}, cwd});
    const pw = new URL(url); pw.password='postgres';
    await show(['migrate','status','--json'],{environment:{DATABASE_URL: pw.href}, cwd});
    await show(['migrate','status'],{environment:{DATABASE_URL: pw.href}, cwd});
    as.pathname='nodb';
    await show(['env','show'],{environment:{DATABASE_URL: as.href}});
    await show(['env','show']);
    await show(['env','show'],{environment:{DATABASE_URL: url}, cwd: folderOf({'dbops.config.json': '{"databaseUrl":"postgres://u:hunter2@h/d"x'})});
    await show(['env','show'],{environment:{DATABASE_URL: url}, cwd: folderOf({'dbops.config.json': '{"databaseUrlx":"postgres://u:hunter2@h/d","lockTimeout":"soon","format":3}'})});
  });
});
